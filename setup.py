"""Packaging: the core is the Keras models; backends, pipeline and development sets are extras."""

import pathlib
import re

import setuptools

HERE = pathlib.Path(__file__).parent

PIPELINE = [
    "apache-beam==2.72.*",
    "av==18.*",
    "h5py",
    "matplotlib",
    "ml-metadata==1.17.*",
    "pillow",
    "tensorflow==2.16.*",  # the newest that tensorflow-io and ml-metadata 1.17 both accept
    "tensorflow-data-validation==1.16.*",
    "tensorflow-io==0.37.*",
    "tensorflow-metadata==1.16.*",
    "tensorflow-model-analysis==0.47.*",
    "tensorflow-serving-api==2.16.*",
    "tf-keras==2.16.*",  # imported by tensorflow-model-analysis, which does not declare it
    "tfx-bsl==1.16.*",
    "tqdm",
]

setuptools.setup(
    name="avel_tf",
    version=re.search(r'__version__ = "(.+)"', (HERE / "avel_tf/__init__.py").read_text())[1],
    description="Audio-visual event localization: Dual Attention Matching in Keras",
    long_description=(HERE / "README.md").read_text(),
    long_description_content_type="text/markdown",
    python_requires=">=3.11",
    packages=[*setuptools.find_packages(include=["avel_tf", "avel_tf.*"]), "avel_tf.schemas"],
    # The data contract lies at the top of the checkout and travels inside the wheel.
    package_dir={"avel_tf.schemas": "schemas"},
    package_data={"avel_tf.schemas": ["*.pbtxt"]},
    install_requires=["keras>=3.5", "numpy"],  # and a backend, by an extra
    extras_require={
        "tensorflow": ["tensorflow>=2.16"],
        "jax": ["jax"],
        "pipeline": PIPELINE,
        "dask": ["dask[distributed]"],  # to run the extraction on a Dask cluster
        "gpu": ["tensorflow[and-cuda]>=2.16"],
        "dev": [
            "ai-edge-litert",
            "import-linter",
            "onnxruntime",
            "psutil",
            "pytest",
            "pytest-xdist",
            "ruff",
            "scipy",
            "tf2onnx",
        ],
    },
)
