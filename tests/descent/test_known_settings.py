"""Methods, step sizes, stop rules and batches name the settings that they have."""

import dataclasses
import pickle

import pytest

import steepest as st

CLASSES = {
    name: value
    for name, value in vars(st).items()
    if isinstance(value, type)
    and dataclasses.is_dataclass(value)
    and value.__module__.startswith(("steepest.descent.methods", "steepest.descent.stop_rules"))
} | {"Batches": st.Batches}


def settings_of(kind):
    return [field.name for field in dataclasses.fields(kind) if field.init]


@pytest.mark.parametrize("name", CLASSES)
def test_a_name_that_is_no_setting_is_answered_with_those_that_are(name):
    with pytest.raises(TypeError) as caught:
        CLASSES[name](wharrgarbl=1)
    assert f"st.{name} has no setting 'wharrgarbl'" in str(caught.value)
    assert all(setting in str(caught.value) for setting in settings_of(CLASSES[name]))


@pytest.mark.parametrize("theirs", ["lr", "learning_rate", "stepsize", "step_sise"])
@pytest.mark.parametrize("name", [n for n in CLASSES if "step_size" in settings_of(CLASSES[n])])
def test_what_others_call_a_step_size(name, theirs):
    with pytest.raises(TypeError, match=rf"write st.{name}\(step_size=0.5\)"):
        CLASSES[name](**{theirs: 0.5})


def test_there_are_classes():
    assert len(CLASSES) > 30


def test_they_are_data():
    method = st.Adam(step_size=0.5, beta1=0.8)
    assert pickle.loads(pickle.dumps(method)) == method == dataclasses.replace(method)
    assert hash(method) == hash(st.Adam(0.5, 0.8))
    with pytest.raises(dataclasses.FrozenInstanceError):
        method.step_size = 1.0
