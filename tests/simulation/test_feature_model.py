import h5py
import numpy as np
import pytest

from avel_tf.simulation import feature_model
from avel_tf.simulation.ave_annotations import draw_ave_annotations
from avel_tf.simulation.feature_model import FeatureModel, FeatureModelConfig

# Measured on 178 clips of AVE.
REAL_STATISTICS = {
    "zeros": 0.653,
    "mean": 0.122,
    "norm": 3.22,
    "adjacent seconds": 0.763,
    "first and last second": 0.677,
    "different videos": 0.447,
}


def sound_statistics(features):
    """Computes the distribution of features (N, T, 128), and cosines between seconds."""
    norms = np.linalg.norm(features, axis=-1, keepdims=True)
    unit = features / norms
    cosines = np.einsum("itd,jsd->ijts", unit, unit)
    others = ~np.eye(len(features), dtype=bool)
    return {
        "zeros": np.mean(features == 0),
        "mean": features.mean(),
        "norm": norms.mean(),
        "adjacent seconds": np.mean(np.sum(unit[:, 1:] * unit[:, :-1], axis=-1)),
        "first and last second": np.mean(np.sum(unit[:, 0] * unit[:, -1], axis=-1)),
        "different videos": cosines[others].mean(),
    }


@pytest.fixture(scope="module")
def sounds():
    """Draws audio features (150, 10, 128) of records with AVE's frequencies."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FeatureModel, "_visual", lambda *_: None)  # drawn last, and slow
        model = FeatureModel(0)
        return np.stack(
            [
                model.record(item.row, item.event_category, item.start_seconds, item.end_seconds)[0]
                for item in draw_ave_annotations(300, 0)[::2]
            ]
        )


def test_sounds_are_distributed_as_in_ave(sounds):
    assert sound_statistics(sounds) == pytest.approx(REAL_STATISTICS, rel=0.1)


def test_real_sounds_are_distributed_like_simulated_ones(sounds, real_data):
    with h5py.File(real_data / "ave" / "audio_feature_noisy.h5") as file:
        real = sound_statistics(file["avadataset"][:].astype("float32"))
    assert real == pytest.approx(REAL_STATISTICS, rel=0.02)
    assert sound_statistics(sounds) == pytest.approx(real, rel=0.1)


def test_a_record_depends_only_on_its_seed_and_row():
    model = FeatureModel(0)
    model.record(9, 1, 0, 10)
    first = model.record(4, 7, 2, 6)
    for seed, row, is_same in ((0, 4, True), (1, 4, False), (0, 5, False)):
        other = FeatureModel(seed).record(row, 7, 2, 6)
        for array, another in zip(first, other, strict=True):
            assert np.array_equal(array, another) is is_same, (seed, row)


@pytest.mark.parametrize("category", [27, None])
def test_features_look_like_those_of_a_rectifier(category):
    for features, shape in zip(
        FeatureModel(0).record(0, category, 0, 4), [(10, 128), (10, 7, 7, 512)], strict=True
    ):
        assert features.shape == shape
        assert features.dtype == np.float32
        assert np.isfinite(features).all()
        assert features.min() == 0
        assert 0.1 < np.mean(features > 0) < 0.9


@pytest.mark.parametrize(
    ("heard_only", "seen_only"), [(0, 1), (1, 0), (0, 0)], ids=["seen", "heard", "neither"]
)
def test_an_absent_event_leaves_no_trace(heard_only, seen_only):
    model = FeatureModel(0, FeatureModelConfig(heard_only=heard_only, seen_only=seen_only))
    sounds, pictures = zip(*(model.record(0, category, 4, 6) for category in (3, 20)), strict=True)
    # One modality is up to a second late, so the second after the event may show it.
    background = [0, 1, 2, 3, 7, 8, 9]
    for features, is_present in ((sounds, heard_only), (pictures, seen_only)):
        differs = np.array([not np.array_equal(*second) for second in zip(*features, strict=True)])
        assert differs[4:6].all()
        assert (differs[background] == bool(is_present)).all()


def test_presence_is_the_event_and_one_modality_around_it():
    model = FeatureModel(0, FeatureModelConfig(heard_only=0.25, seen_only=0.5))
    random = np.random.default_rng(0)
    sides, late = [], []
    for _ in range(1000):
        heard, seen = model._presence(3, 6, random)
        both = np.minimum(heard, seen)
        # The modality that is late lacks part of second 3 and has it in second 6.
        np.testing.assert_array_equal(both[[0, 1, 2, 4, 5, 7, 8, 9]], [0, 0, 0, 1, 1, 0, 0, 0])
        assert max(heard.max(), seen.max()) == 1
        sides += [(heard[0], seen[0]), (heard[9], seen[9])]
        late += ["heard"] * int(heard[3] < 1) + ["seen"] * int(seen[3] < 1)
    # 2000 draws: a standard deviation of at most 0.0112.
    for kind, share in (((1, 0), 0.25), ((0, 1), 0.5), ((0, 0), 0.25)):
        assert sides.count(kind) / len(sides) == pytest.approx(share, abs=0.045)
    # Half of the sounds are late, and three quarters of those follow silence; for images, half
    # of those.
    assert late.count("heard") / 1000 == pytest.approx(0.375, abs=0.06)
    assert late.count("seen") / 1000 == pytest.approx(0.25, abs=0.06)


def test_a_modality_shows_the_shared_content_and_a_private_part():
    model = FeatureModel(0, FeatureModelConfig(category_share=0.0, drift=0.0))
    random = np.random.default_rng(0)
    for private, correlation in ((0.0, 1.0), (0.64, 0.6), (1.0, 0.0)):
        content = np.concatenate([model._content(0, random) for _ in range(400)])
        view = np.concatenate(
            [model._view(part, private, random) for part in np.split(content, 400)]
        )
        assert view.std() == pytest.approx(1, abs=0.03)
        found = np.corrcoef(content.ravel(), view.ravel())[0, 1]
        assert found == pytest.approx(correlation, abs=0.03)


def test_a_delay_shifts_part_of_each_second_into_the_next():
    delayed = feature_model._delayed(np.array([0.0, 1, 1, 0, 0]), 0.25)
    # 3/4 of itself and 1/4 of the second before.
    np.testing.assert_allclose(delayed, [0, 0.75, 1, 0.25, 0])
    # The record's first second counts as having started before it.
    np.testing.assert_allclose(feature_model._delayed(np.array([1.0, 0, 0]), 0.25), [1, 0.25, 0])
    np.testing.assert_allclose(feature_model._delayed(np.array([1.0, 0, 1]), 0), [1, 0, 1])


def test_sound_and_image_of_a_clip_without_event_are_unrelated(monkeypatch):
    monkeypatch.setattr(FeatureModel, "_audio", lambda self, content, presence, _: content)
    monkeypatch.setattr(FeatureModel, "_visual", lambda self, content, presence, _: content)

    model = FeatureModel(0)

    def cosines(category):
        pairs = [model.record(row, category, 0, 0) for row in range(40)]
        return [
            np.vdot(*pair) / np.linalg.norm(pair[0]) / np.linalg.norm(pair[1]) for pair in pairs
        ]

    np.testing.assert_allclose(cosines(3), 1, rtol=1e-5)  # within a record
    # Except for the one in 28 whose two categories happen to be equal.
    assert abs(np.mean(cosines(None))) < 0.2
    assert max(cosines(None)) < 0.9


def test_values_keep_their_distribution_and_their_order():
    # Shares above zero from a beta distribution of mean 1 / (1 + 3).
    make = feature_model._Marginal
    marginal = make(64, (1.0, 3.0), 0.0, 1.0)
    normal = np.random.default_rng(0).standard_normal((5000, 64))
    features = marginal(normal)
    assert np.mean(features > 0) == pytest.approx(0.25, abs=0.01)
    order = np.argsort(normal, axis=0)
    assert (np.diff(np.take_along_axis(features, order, axis=0), axis=0) >= 0).all()
    shares = np.mean(features > 0, axis=0)
    assert shares.min() < 0.05 and shares.max() > 0.6
    # The features' properties do not depend on the seed.
    np.testing.assert_array_equal(make(64, (1.0, 3.0), 0.0, 1.0)(normal), features)


@pytest.mark.parametrize(
    ("name", "value"),
    [("category_share", 1.5), ("heard_only", -0.1), ("audio_event", 0.0), ("visual_noise", -1.0)],
)
def test_values_out_of_range_are_named(name, value):
    with pytest.raises(ValueError, match=rf"`{name}` must be .* Received: {name}={value}"):
        FeatureModelConfig(**{name: value})
