"""Where the packages are; everything else is in pyproject.toml.

`assets/` lies beside the package in the checkout, where designers look for it, and inside it (`explorer/assets`) in a
wheel, where it belongs to the package.
"""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["explorer", "explorer.*", "sample_models", "sample_models.*"]),
        "explorer.assets",
    ],
    package_dir={"explorer.assets": "assets"},
    include_package_data=False,  # only what is listed; otherwise a folder of data counts as a package
    package_data={
        "explorer": ["py.typed"],
        "explorer.lessons": ["texts/*"],
        "explorer.assets": ["**/*"],
        "sample_models": ["py.typed", "weights/*"],
    },
)
