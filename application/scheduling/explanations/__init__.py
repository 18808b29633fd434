"""Why a task did, or did not, run at a time: what the records say, as a value and in the same words everywhere."""

from application.scheduling.explanations.answer import Code, Explanation, Finding, Remark
from application.scheduling.explanations.case import Case
from application.scheduling.explanations.document import ExplanationDocument, explanation_document
from application.scheduling.explanations.weighing import explained

__all__ = [
    "Case",
    "Code",
    "Explanation",
    "ExplanationDocument",
    "Finding",
    "Remark",
    "explained",
    "explanation_document",
]
