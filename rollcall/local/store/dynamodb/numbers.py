"""DynamoDB's numbers: 38 digits, from 1E-130 to 9.99…E+125, written plainly."""

import re
from decimal import Context, Decimal

from rollcall.local.store.dynamodb.dynamodb_errors import invalid

DIGITS = 38
HIGHEST, LOWEST = 125, -130  # exponents of ten
_NUMBER = re.compile(r"(?P<sign>[+-]?)(?P<whole>[0-9]*)(?:\.(?P<part>[0-9]*))?(?:[eE](?P<power>[+-]?[0-9]{1,6}))?")
_EXACT = Context(prec=2 * (HIGHEST - LOWEST))


def canonical(text: str) -> str:
    """The number in the form in which DynamoDB gives it back. Raises ServiceError for what is no number of DynamoDB."""
    if text.isascii() and text.isdigit() and not text.startswith("0") and len(text) <= DIGITS:
        return text
    found = _NUMBER.fullmatch(text)
    if found is None or not (found["whole"] or found["part"]):
        shown = f": {text[:100]}" if text else ""
        raise invalid(f"The parameter cannot be converted to a numeric value{shown}")
    whole, part, power = found["whole"], found["part"] or "", int(found["power"] or 0)
    digits = (whole + part).lstrip("0")
    leading = len(whole) + power - (len(whole + part) - len(digits))  # the number is 0.DIGITS × 10^leading
    digits = digits.rstrip("0")
    if not digits:
        return "0"
    _check(digits, leading - 1)
    return ("-" if found["sign"] == "-" else "") + _plain(digits, leading)


def add(first: str, second: str) -> str:
    return canonical(format(_EXACT.add(Decimal(first), Decimal(second)), "f"))


def subtract(first: str, second: str) -> str:
    return canonical(format(_EXACT.subtract(Decimal(first), Decimal(second)), "f"))


def sortable(number: str) -> bytes:
    """Bytes of a canonical number that sort as the numbers do."""
    if number == "0":
        return b"\x80"
    negative = number.startswith("-")
    whole, _, part = number.lstrip("-").partition(".")
    digits = (whole + part).lstrip("0")
    leading = len(whole) - (len(whole + part) - len(digits))
    magnitude = (leading + 1000).to_bytes(2, "big") + digits.rstrip("0").encode()
    if not negative:
        return b"\x81" + magnitude
    return b"\x7f" + bytes(255 - byte for byte in magnitude) + b"\xff"


def size(number: str) -> int:
    """Bytes that it counts for."""
    digits = number.lstrip("-").replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + number.startswith("-")


def _check(digits: str, exponent: int) -> None:
    if exponent > HIGHEST:
        raise invalid("Number overflow. Attempting to store a number with magnitude larger than supported range")
    if exponent < LOWEST:
        raise invalid("Number underflow. Attempting to store a number with magnitude smaller than supported range")
    if len(digits) > DIGITS:
        raise invalid("Attempting to store more than 38 significant digits in a Number")


def _plain(digits: str, leading: int) -> str:
    if leading <= 0:
        return f"0.{'0' * -leading}{digits}"
    if leading >= len(digits):
        return digits + "0" * (leading - len(digits))
    return f"{digits[:leading]}.{digits[leading:]}"
