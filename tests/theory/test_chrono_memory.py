import numpy as np
import pytest
from scipy.integrate import quad

from gradcourse import theory
from gradcourse.support import GradcourseError


@pytest.mark.parametrize("longest", [3.0, 60.0, 5000.0])
def test_it_is_the_mean_over_uniform_times(longest):
    for lag in (0, 1, 7, 300):
        integral = quad(lambda u, k=lag: (u / (1 + u)) ** k, 1, longest - 1, epsabs=1e-12)[0]
        expected = integral / (longest - 2)
        assert float(theory.chrono_memory(lag, longest)) == pytest.approx(expected, rel=1e-8)


def test_it_takes_arrays_and_falls_with_the_lag():
    kept = theory.chrono_memory(np.arange(12).reshape(3, 4), 50.0)
    assert kept.shape == (3, 4)
    assert kept[0, 0] == pytest.approx(1.0)
    assert (np.diff(kept.ravel()) < 0).all()


def test_a_range_of_times_is_needed():
    with pytest.raises(GradcourseError, match="more than 2 steps"):
        theory.chrono_memory(1, 2.0)
