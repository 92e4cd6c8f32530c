"""Alternates a candidate with its baseline in one run; machines are noisy, so only the ratio is quoted."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Comparison:
    """Rates (things per second) of candidate and baseline, round by round."""

    name: str
    candidate: tuple[float, ...]
    baseline: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        return [ours / theirs for ours, theirs in zip(self.candidate, self.baseline, strict=True)]

    def line(self, target: float, unit: str) -> str:
        """One line for the reader: rates, ratio as median (min to max), the target and whether it is met."""
        ratios = self.ratios
        verdict = "ok" if median(ratios) >= target else "MISSED"
        return (
            f"{self.name}: {median(self.candidate):,.0f} {unit}/s against {median(self.baseline):,.0f}, "
            f"ratio {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}, {len(ratios)} rounds), "
            f"target {target:g}: {verdict}"
        )


def alternate(name: str, candidate: Callable[[], float], baseline: Callable[[], float], rounds: int = 5) -> Comparison:
    """Run both in turn, `rounds` times after one warm-up each; each callable returns its own rate."""
    candidate(), baseline()
    pairs = [(candidate(), baseline()) for _ in range(rounds)]
    return Comparison(name, tuple(ours for ours, _ in pairs), tuple(theirs for _, theirs in pairs))


async def alternate_async(
    name: str, candidate: Callable[[], Awaitable[float]], baseline: Callable[[], Awaitable[float]], rounds: int = 5
) -> Comparison:
    """`alternate` for coroutines."""
    await candidate(), await baseline()
    pairs = [(await candidate(), await baseline()) for _ in range(rounds)]
    return Comparison(name, tuple(ours for ours, _ in pairs), tuple(theirs for _, theirs in pairs))
