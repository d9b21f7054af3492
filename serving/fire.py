"""How readily a fire spreads in this weather."""

from __future__ import annotations

import math

from storage.kernels import kernel


@kernel
def fuel_moisture(temperature: float, humidity: float) -> float:
    """Moisture that fine dead fuel comes to in such air, percent of its dry weight. Simard (1968).

    temperature: K; humidity: 0..1.
    """
    t = (temperature - 273.15) * 1.8 + 32.0
    h = 100.0 * humidity
    if h < 10.0:
        return 0.03229 + 0.281073 * h - 0.000578 * h * t
    if h <= 50.0:
        return 2.22749 + 0.160107 * h - 0.01478 * t
    return 21.0606 + 0.005565 * h * h - 0.00035 * h * t - 0.483199 * h


@kernel
def fire_index(temperature: float, humidity: float, wind: float) -> float:
    """Fosberg's fire weather index (1978), 0..100, of K, 0..1 and m s-1.

    100 is a wind of 30 mph over fuel without any moisture, and by definition the end of the scale; from 30 percent of
    moisture on nothing burns.
    """
    part = fuel_moisture(temperature, humidity) / 30.0
    if math.isnan(part + wind):
        return math.nan
    damping = 1.0 - 2.0 * part + 1.5 * part**2 - 0.5 * part**3
    miles = wind / 0.44704
    return min(max(damping, 0.0) * math.sqrt(1.0 + miles * miles) / 0.3002, 100.0)
