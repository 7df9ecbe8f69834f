"""What a training from a keyer cannot be asked for."""

from __future__ import annotations

from understudy.errors import SettingError
from understudy.settings.train import TrainSettings


def check_keying(settings: TrainSettings) -> None:
    """SettingError where something is asked for that a keyer cannot have."""
    network, data = settings.network, settings.data
    asked = {
        f"--architecture {network.architecture}": network.is_nested,
        f"--network-size {network.network_size}": isinstance(network.network_size, int),
        f"--coarse-view {network.coarse_view}": network.coarse_view not in ("auto", 1),
        f"--neighbours {data.neighbours}": data.neighbours not in ("auto", 0),
        "--extra": bool(data.extra),
        f"--agreement {settings.loss.agreement:g}": settings.loss.agreement > 0,
    }
    found = [flag for flag, is_asked in asked.items() if is_asked]
    if found:
        raise SettingError(
            "A training from a keyer has its keyer's network, which sees the frame's plate alone, as it is.",
            expected=f"none of {', '.join(flag.split()[0] for flag in asked)}",
            found=", ".join(found),
            where=f"--initial-weights {network.initial_weights}",
            remedy="Leave them out, or begin from something else.",
        )
