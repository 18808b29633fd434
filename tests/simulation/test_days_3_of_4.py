"""A quarter of the days that every run leads: in files of their own, so that processes can share them."""

from tests.support.simulation_days import days_of_share

test_no_promise_is_broken_in_a_day_of_faults = days_of_share(3)
