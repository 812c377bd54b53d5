"""What the picker offers."""

from __future__ import annotations

from torchvision import models

from explorer.models import list_sources, parse_source
from sample_models import SAMPLES


def test_samples_come_first_and_tasks_follow():
    families = list_sources()
    assert families[0].sources == tuple(f"sample:{name}" for name in SAMPLES)
    assert [family.title for family in families] == [
        "Trained samples",
        "Classification",
        "Segmentation",
        "Detection",
        "Video",
        "Optical flow",
    ]


def test_each_float_model_of_torchvision_is_offered_once():
    offered = [source for family in list_sources()[1:] for source in family.sources]
    wanted = [f"torchvision:{name}" for name in models.list_models() if not name.startswith("quantized_")]
    assert sorted(offered) == sorted(wanted)
    assert all(str(parse_source(source)) == source for source in offered)


def test_models_stand_under_their_task():
    sources = {family.title: family.sources for family in list_sources()}
    assert "torchvision:resnet18" in sources["Classification"]
    assert "torchvision:fcn_resnet50" in sources["Segmentation"]
    assert "torchvision:maskrcnn_resnet50_fpn" in sources["Detection"]
    assert "torchvision:r3d_18" in sources["Video"]
    assert "torchvision:raft_small" in sources["Optical flow"]
