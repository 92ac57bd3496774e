"""A short run of the fault tests: `make check-faults` is a longer one, `make soak` as long as one likes."""
import pathlib
import subprocess
import sys

RUN = pathlib.Path(__file__).resolve().parent / 'faults' / 'run'
KILLS, MOST_MINUTES, ENOUGH_FAULTS = 20, 4, 5


def test_nothing_is_lost_doubled_or_moved_by_faults_at_random():
    done = subprocess.run([sys.executable, RUN, '--kills', str(KILLS), '--faults', str(ENOUGH_FAULTS), '--minutes',
                           str(MOST_MINUTES)], capture_output=True, text=True, timeout=(MOST_MINUTES + 3) * 60)
    assert done.returncode == 0, done.stdout + done.stderr
    passed, _, failed, _ = done.stdout.splitlines()[-1].split()
    assert int(passed) >= ENOUGH_FAULTS and failed == '0', done.stdout
