from __future__ import annotations

import pytest

from sk_viz.app.state.address import from_address, to_address
from sk_viz.app.state.settings import LIMITS, RANGES, Settings
from sk_viz.errors import ScaleError
from sk_viz.pictures import PROTOCOLS, check_scales


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_has_a_range_of_eleven_scales_within_its_limits(protocol: str) -> None:
    scales = Settings(protocol=protocol).scale_values
    assert len(scales) == 11
    assert (scales[0], scales[-1]) == RANGES[protocol]
    assert LIMITS[protocol][0] <= scales[0]
    assert scales[-1] <= LIMITS[protocol][1]
    check_scales(LIMITS[protocol], protocol, 64)


def test_scales_come_in_order() -> None:
    assert Settings(scales="2,1,1.5").scale_values == (1.0, 1.5, 2.0)


@pytest.mark.parametrize("scales", ["0.5,1", "1,1", "1:2:60"])
def test_scales_that_make_no_sense_are_one_sentence(scales: str) -> None:
    with pytest.raises(ScaleError, match=r"^[^\n]+\.$"):
        _ = Settings(protocol="zoom", scales=scales).scale_values


def test_the_settings_go_through_the_address() -> None:
    settings = Settings(
        picture="red-panda",
        model="skresnext50_32x4d.ra_in1k",
        device="cpu",
        protocol="blur",
        scales="1:3:5",
        point=(0.25, 0.75),
        unit="SK_3_4",
        scale=1.5,
    )
    assert from_address(Settings, to_address(settings)) == (settings, [])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("scales", "one"),
        ("point", "0.5"),
        ("point", "2,2"),
        ("protocol", "shrink"),
        ("model", "/a"),
    ],
)
def test_a_broken_link_opens_with_defaults(name: str, text: str) -> None:
    settings, refused = from_address(Settings, {name: text})
    assert settings == Settings()
    assert len(refused) == 1
