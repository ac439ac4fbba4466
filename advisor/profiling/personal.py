"""Secrets and personal data in a text: keys, e-mail addresses, phone and card numbers. Pure; never returns the value.

Limits: patterns of known form only. A finding says where to look; it is no proof, and silence is none either.
"""

import re
from collections.abc import Iterator

KINDS = ("keys", "e-mail addresses", "phone numbers", "card numbers")

_KEYS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}|\bgithub_pat_\w{40}"
    r"|\bsk-[A-Za-z0-9_-]{20,}|\bhf_[A-Za-z]{30,}\b|\bxox[abprs]-[A-Za-z0-9-]{10,}|\bAIza[\w-]{35}"
    r"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}|\b(?:sk|rk)_live_[A-Za-z0-9]{20,}"
)
_SIGNS_OF_KEYS = (
    "PRIVATE KEY", "AKIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "sk-", "hf_", "xox", "AIza", "eyJ",
    "_live_",
)  # fmt: skip
_DIGITS = re.compile(r"\d{3}\D{0,2}\d{3}|\d{2}[ .-]\d{2}[ .-]\d{2}")
"""What every phone and card number has; most texts have not, which is soon seen."""
_MAIL = re.compile(r"\b[\w.+-]+@(?!example\.)[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}\b")
_PHONE = re.compile(
    r"(?<![\w.+-])(?:\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{2,4}(?:[ .-]?\d{2,4}){2,3}"
    r"|\(\d{3}\) ?\d{3}[.-]\d{4}|\d{3}[.-]\d{3}[.-]\d{4})(?![\w-])"
)
_CARD = re.compile(r"(?<![\w.-])(?:[3-6]\d{3}(?:[ -]?\d{4}){3}|3[47]\d{2}[ -]?\d{6}[ -]?\d{5})(?![\w-])")


def personal(text: str) -> Iterator[str]:
    """Each of KINDS that the text holds."""
    if any(sign in text for sign in _SIGNS_OF_KEYS) and _KEYS.search(text):
        yield "keys"
    if "@" in text and _MAIL.search(text):
        yield "e-mail addresses"
    if not _DIGITS.search(text):
        return
    if _PHONE.search(text):
        yield "phone numbers"
    if any(luhn(match[0]) for match in _CARD.finditer(text)):
        yield "card numbers"


def luhn(number: str) -> bool:
    """Whether the check digit of a card number is right (ISO/IEC 7812-1)."""
    digits = [int(char) for char in reversed(number) if char.isdigit()]
    doubled = (2 * digit - 9 * (digit > 4) for digit in digits[1::2])
    return len(set(digits)) > 1 and (sum(digits[::2]) + sum(doubled)) % 10 == 0
