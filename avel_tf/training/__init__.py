"""Training with `tf.data` and Keras, reproducible by seed and resumable."""
