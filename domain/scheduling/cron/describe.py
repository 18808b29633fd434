"""A sentence for every valid expression, bounded however long the expression is."""

from functools import lru_cache

from domain.scheduling.cron import english
from domain.scheduling.cron.expression import PARSED_MAX, parse
from domain.scheduling.cron.facts import facts_of

SENTENCE_MAX = 300
# Lists are cut to the first of these lengths with which the sentence fits; with the last it always does.
_ITEMS_MAX = (12, 6, 3, 1)


@lru_cache(maxsize=PARSED_MAX)
def describe(expression: str) -> str:
    """Say in English when `expression` fires on the wall clock of its zone: at most SENTENCE_MAX characters.

    No full stop, no zone; a list that is cut ends with `… and 12 more`. Errors as `parse`.
    """
    facts = facts_of(parse(expression))
    sentences = (english.sentence_of(facts, items_max=items_max) for items_max in _ITEMS_MAX)
    return next(sentence for sentence in sentences if len(sentence) <= SENTENCE_MAX)
