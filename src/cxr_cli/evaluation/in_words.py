"""A decision curve in words."""

from cxr_cli.evaluation.record import Decision


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
