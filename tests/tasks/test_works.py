"""Several parts made into other variables, with what each of them lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.grids import Grid, LatLonGrid
from storage.variables import Statistic
from tasks.parts import Part, parts_of, sort_out
from tasks.wanted import Bucket, Level, StagedMessage, Wanted
from tasks.works import Values, works_of

WARM = Wanted("air_temperature_2m", (), Level(103, 2))
EAST = Wanted("eastward_wind_10m", (), Level(103, 10))
NORTH = Wanted("northward_wind_10m", (), Level(103, 10))
GRID = LatLonGrid(0.0, 1.0, 2, 0.0, 1.0, 3)


class Constant:
    """Fields that are their number all over."""

    def __init__(self, count: int) -> None:
        self.grid: Grid = GRID
        self.steps = (0.0,) * count

    def fill(self, numbers: NDArray[np.int64], rows: range, values: NDArray[np.float32], at: NDArray[np.int64]) -> None:
        for number, place in zip(numbers, at, strict=True):
            values[place] = number

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Sum:
    """Adds up all members of two variables."""

    of: tuple[str, ...] = (EAST.name, NORTH.name)
    makes: tuple[str, ...] = ("wind_gust_surface",)

    def make(self, values: Values, rows: range, grid: Grid) -> Sequence[NDArray[np.float32]]:
        return [np.sum([one for some in values.values() for one in some], axis=0)]


def message(wanted: Wanted, lead: int, member: int | None = None) -> StagedMessage:
    return StagedMessage(wanted.name, lead, (lead, lead), "", 0, 0, 0, "", "", member)


def parts(*messages: StagedMessage) -> list[Part]:
    groups = sort_out([WARM, EAST, NORTH], messages)
    leads = tuple(sorted({one.lead for one in messages}))
    return parts_of(groups, (0.0,) * len(messages), leads)


def test_a_part_alone_is_its_own_variable() -> None:
    (work,) = works_of(parts(message(EAST, 60), message(EAST, 120)))
    (made,) = work.do(Constant(2), range(0, 2))
    assert made.output.name == EAST.name
    assert made.values[:, 0, 0].tolist() == [0, 1]
    assert made.output.rows.tolist() == [0, 1]


def test_a_joint_makes_its_variables_of_all_members() -> None:
    some = [message(row, lead, member) for row in (EAST, NORTH) for lead in (60, 120) for member in (1, 0)]
    (work,) = works_of(parts(*some), [Sum()])
    assert work.messages == 8
    (made,) = work.do(Constant(8), range(0, 2))
    # By variable, member and lead the fields are 0 to 7.
    assert made.values[:, 0, 0].tolist() == [0 + 2 + 4 + 6, 1 + 3 + 5 + 7]


def test_rows_are_those_that_any_part_fills_and_anomalies_are_added_up() -> None:
    some = [message(EAST, 60), message(EAST, 120), message(NORTH, 120), message(WARM, 180)]
    works = works_of(parts(*some), [Sum()])
    (joint,) = [work for work in works if work.joint]
    (made,) = joint.do(Constant(4), range(0, 1))
    assert made.output.rows.tolist() == [0, 1]
    assert np.isnan(made.values[[0, 2]]).all(), "what lacks a part is missing"
    assert made.values[1, 0, 0] == 2 + 3
    assert made.anomalies.outside.tolist() == [0, 0]


def test_a_joint_that_lacks_a_variable_makes_nothing_and_leaves_nothing_half_made() -> None:
    works = works_of(parts(message(EAST, 60), message(WARM, 60)), [Sum()])
    assert [output.name for work in works for output in work.outputs] == [WARM.name]


RAIN = Wanted(
    "precipitation_amount_surface", (), Level(1), statistic=Statistic.ACCUMULATION, bucket=Bucket.INTERVAL, from_lead=1
)


@dataclass(frozen=True)
class Seen:
    """Keeps what it is asked to make something of."""

    seen: list[Values]
    of: tuple[str, ...] = (RAIN.name, EAST.name)
    makes: tuple[str, ...] = ("precipitation_amount_mean_surface",)

    def make(self, values: Values, rows: range, grid: Grid) -> Sequence[NDArray[np.float32]]:
        self.seen.append(values)
        return [values[RAIN.name][0]]


def test_a_member_without_a_lead_has_no_amount_of_a_longer_interval_to_compare() -> None:
    """Member 2 lacks the amount of 3 h, and what it has of 6 h is not what others have of the last 3 h."""
    spans = [(0, 180), (0, 360), (360, 540)]
    amounts = [
        StagedMessage(RAIN.name, end, (start, end), "", 0, 0, 0, "", "", m) for m in (0, 1) for start, end in spans
    ]
    amounts += [StagedMessage(RAIN.name, end, (start, end), "", 0, 0, 0, "", "", 2) for start, end in spans[1:]]
    east = [message(EAST, end, member) for member in (0, 2) for _, end in spans]
    groups = sort_out([RAIN, EAST], [*amounts, *east])
    count = sum(len(group.messages) for group in groups)
    (work,) = works_of(parts_of(groups, (0.0,) * count, (180, 360, 540)), [Seen(seen := [])])
    (made,) = work.do(Constant(count), range(1))
    (values,) = seen
    assert made.output.intervals == (180, 180, 180)
    assert values.intervals.tolist() == [180, 180, 180]
    # The fields are numbers: 0, 1, 2 of the first member, 3, 4, 5 of the second, 6, 7 of the third.
    assert [one[:, 0, 0].tolist() for one in values[RAIN.name][:2]] == [[0, 1, 2], [3, 1, 5]]
    third = values[RAIN.name][2][:, 0, 0]
    assert np.isnan(third).tolist() == [True, True, False]
    assert third[2] == 7
    assert np.isnan(values[EAST.name][1]).all(), "a member that lacks a variable keeps its place"
    assert values[EAST.name][2][:, 0, 0].tolist() == [11, 12, 13]


def test_where_all_members_lack_a_lead_the_next_interval_is_longer() -> None:
    spans = [(0, 360), (360, 540)]
    amounts = [
        StagedMessage(RAIN.name, end, (start, end), "", 0, 0, 0, "", "", m) for m in (0, 1) for start, end in spans
    ]
    east = [message(EAST, 360, 0)]
    (work,) = works_of(parts_of(sort_out([RAIN, EAST], [*amounts, *east]), (0.0,) * 5, (360, 540)), [Seen([])])
    assert work.outputs[0].intervals == (360, 180)
