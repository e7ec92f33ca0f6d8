"""Unit prices on a day, and those of a usage frame. Pure: the price list is bundled data.

list_rates  what the price list asks for each class of tokens
unit        the price of one version on a day, or why nobody knows
book        the prices of a usage frame
"""

from ..price_table import RATES
from .book import PriceBook, rates
from .unit import UnitPrice, Unpriced, unit_price

__all__ = ["RATES", "PriceBook", "UnitPrice", "Unpriced", "rates", "unit_price"]
