"""Packaging: the core is the Keras models; backends, pipeline and development sets are extras."""

import pathlib
import re

import setuptools

HERE = pathlib.Path(__file__).parent

# Two sets that work together: tensorflow-io ends at TensorFlow 2.16 and Python 3.11, ml-metadata
# and TFDV for newer ones need glibc 2.39. docs/decisions/0002-versions.md has the reasons.
OLD, NEW = 'python_version < "3.12"', 'python_version >= "3.12"'
# Packages for finding events in your own videos.
PREDICT = [
    f"av==18.*; {OLD}",
    f"av==19.*; {NEW}",
    "h5py",
    "pillow",
    "soxr",
    "tensorflow>=2.16",
    "tqdm",
]
PIPELINE = [
    *PREDICT,
    f"apache-beam==2.72.*; {OLD}",
    f"apache-beam==2.77.*; {NEW}",
    "matplotlib",
    f"ml-metadata==1.17.*; {OLD}",
    f"ml-metadata==1.21.*; {NEW}",
    f"tensorflow==2.16.*; {OLD}",
    f"tensorflow==2.21.*; {NEW}",
    f"tensorflow-data-validation==1.16.*; {OLD}",
    f"tensorflow-data-validation==1.21.*; {NEW}",
    f"tensorflow-io==0.37.*; {OLD}",
    f"tensorflow-metadata==1.16.*; {OLD}",
    f"tensorflow-metadata==1.21.*; {NEW}",
    f"tensorflow-model-analysis==0.47.*; {OLD}",
    f"tensorflow-model-analysis==0.52.*; {NEW}",
    f"tensorflow-serving-api==2.16.*; {OLD}",
    f"tensorflow-serving-api==2.19.*; {NEW}",
    "tf-keras",  # imported by tensorflow-model-analysis, which does not declare it
    f"tfx-bsl==1.16.*; {OLD}",
    f"tfx-bsl==1.21.*; {NEW}",
]

setuptools.setup(
    name="avel_tf",
    version=re.search(r'__version__ = "(.+)"', (HERE / "avel_tf/__init__.py").read_text())[1],
    description="Audio-visual event localization: Dual Attention Matching in Keras",
    long_description=(HERE / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    author="avel_tf developers",
    python_requires=">=3.11, <3.14",
    packages=[
        *setuptools.find_packages(include=["avel_tf*", "components*", "pipelines*"]),
        "avel_tf.schemas",
    ],
    # The data contract lies at the top of the checkout and travels inside the wheel.
    package_dir={"avel_tf.schemas": "schemas"},
    package_data={"avel_tf": ["py.typed", "*.pyi"], "avel_tf.schemas": ["*.pbtxt"]},
    entry_points={"console_scripts": ["avel = pipelines.command:main"]},
    install_requires=["keras>=3.6", "numpy"],  # and a backend, by an extra
    extras_require={
        "tensorflow": ["tensorflow>=2.16"],
        "jax": ["jax"],
        "predict": PREDICT,
        "pipeline": PIPELINE,
        "dask": ["dask[distributed]"],  # to run the extraction on a Dask cluster
        "gpu": ["tensorflow[and-cuda]>=2.16"],
        "docs": ["mkdocs-material", "mkdocstrings[python]"],
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
