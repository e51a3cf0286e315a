"""A decision curve, and gaps between two tests, in words."""

from collections.abc import Mapping

from cxr_cli.evaluation.record import Decision, Gap
from cxr_cli.metrics.table import METRICS
from cxr_cli.numbers import figure


def useful_range(decision: Decision) -> str:
    """Where the run is worth more than acting for everybody and for nobody, in words that follow "net benefit"."""
    points, people = decision.points, f"prevalence {decision.prevalence:.3g}"
    better = [point for point in points if point.net_benefit > max(point.treat_all, 0.0)]
    if not better:
        return f"at no threshold probability above that of treating all or none; {people}"
    sure = [point for point in better if point.interval and point.interval.low > max(point.treat_all, 0.0)]
    first, last = f"{better[0].threshold:.2f}", f"{better[-1].threshold:.2f}"
    where = f"between {first} and {last}" if first != last else first
    return (
        f"above that of treating all or none at {len(better)} of {len(points)} threshold probabilities, {where}; "
        f"at {len(sure) or 'none'} of them its whole interval is; {people}"
    )


def gaps_in_words(gaps: Mapping[str, Gap]) -> str:
    """Which way each metric differs on films from elsewhere, in a sentence; empty where no gap is known."""
    said = []
    for name, gap in gaps.items():
        if gap.gap is None:
            continue
        size, title = figure(abs(gap.gap)), METRICS[name].title
        way = "higher" if gap.gap > 0 else "lower"
        said.append(f"{title} the same" if float(size) == 0 else f"{title} {way} by {size}")
    return f"Elsewhere: {', '.join(said)}." if said else ""
