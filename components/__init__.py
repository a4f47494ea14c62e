"""TFX-style pipeline components over ml-metadata, without the tfx package."""
