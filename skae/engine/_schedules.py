"""Learning-rate schedules by name."""

from torch.optim import lr_scheduler

# Share of the steps in which "one_cycle" rises, torch's default.
_RISING = 0.3


class _PerStep:
    """A schedule that moves after every step and is planned to its end."""

    planned = True

    def __init__(self, scheduler, n_rising=0):
        self._scheduler = scheduler
        self._n_rising = n_rising

    @property
    def warming_up(self):
        return self._scheduler.last_epoch < self._n_rising

    def after_step(self):
        self._scheduler.step()

    def after_epoch(self, monitored):
        pass


class _Plateau:
    """A schedule that divides the rate by five whenever the monitored loss stagnates."""

    planned = warming_up = False

    def __init__(self, optimizer, patience):
        self._scheduler = lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=0.2, patience=max(1, patience // 3)
        )

    def after_step(self):
        pass

    def after_epoch(self, monitored):
        self._scheduler.step(monitored)


class _Constant:
    planned = warming_up = False

    def after_step(self):
        pass

    def after_epoch(self, monitored):
        pass


def _one_cycle(optimizer, n_steps, patience):
    max_lr = [group["lr"] for group in optimizer.param_groups]
    scheduler = lr_scheduler.OneCycleLR(
        optimizer, max_lr, total_steps=n_steps, pct_start=_RISING, cycle_momentum=False
    )
    return _PerStep(scheduler, n_rising=_RISING * n_steps)


def _cosine(optimizer, n_steps, patience):
    return _PerStep(lr_scheduler.CosineAnnealingLR(optimizer, n_steps))


# Each takes the optimizer, the number of steps planned and the patience in epochs.
SCHEDULES = {
    "constant": lambda optimizer, n_steps, patience: _Constant(),
    "one_cycle": _one_cycle,
    "cosine": _cosine,
    "plateau": lambda optimizer, n_steps, patience: _Plateau(optimizer, patience),
}
