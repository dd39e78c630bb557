"""What you did not ask to change stays your pixels: register, measure, set back in."""

from kontext_nb.preservation.compositing import Preserved as Preserved
from kontext_nb.preservation.compositing import preserve as preserve
from kontext_nb.preservation.measuring import MEANING as MEANING
from kontext_nb.preservation.measuring import Drift as Drift
from kontext_nb.preservation.measuring import drift as drift
from kontext_nb.preservation.prefitting import Fitted as Fitted
from kontext_nb.preservation.prefitting import prefit as prefit
from kontext_nb.preservation.registering import Registration as Registration
from kontext_nb.preservation.registering import register as register
