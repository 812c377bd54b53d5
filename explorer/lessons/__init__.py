"""Lessons: what Learn mode teaches, as data, and how the engine checks what students answer. No Dash in here.

Lessons are YAML files in ``texts``; `docs/lessons.md` says what is in them.
"""

from explorer.lessons.actions import ACTIONS
from explorer.lessons.hiding import hidden
from explorer.lessons.lesson import Lesson, Place, Show, Step, Task, Term
from explorer.lessons.reading import bundled_lessons, glossary, lessons_with, read_lesson, read_lessons
from explorer.lessons.tasks import KINDS, Answer, Asked, Feedback, Form, Kind, Option, Verdict
from explorer.lessons.verifying import asked, shown, verify, verify_term

__all__ = [
    "ACTIONS",
    "KINDS",
    "Answer",
    "Asked",
    "Feedback",
    "Form",
    "Kind",
    "Lesson",
    "Option",
    "Place",
    "Show",
    "Step",
    "Task",
    "Term",
    "Verdict",
    "asked",
    "bundled_lessons",
    "glossary",
    "hidden",
    "lessons_with",
    "read_lesson",
    "read_lessons",
    "shown",
    "verify",
    "verify_term",
]
