"""What a student can be asked, and how the engine checks it: one file for each kind of task.

To add a kind: a file beside these that makes a `Kind`, and a row in `KINDS`.
"""

from explorer.lessons.tasks.choose import CHOOSE
from explorer.lessons.tasks.edits import EDITS
from explorer.lessons.tasks.goal import GOAL
from explorer.lessons.tasks.kind import HIDEABLE, Answer, Asked, Feedback, Form, Kind, Option, Verdict
from explorer.lessons.tasks.pick import PICK
from explorer.lessons.tasks.predict import PREDICT

KINDS: dict[str, Kind] = {"pick": PICK, "choose": CHOOSE, "predict": PREDICT, "edits": EDITS, "goal": GOAL}
"""Every kind of task by the word that lessons use."""

__all__ = ["HIDEABLE", "KINDS", "Answer", "Asked", "Feedback", "Form", "Kind", "Option", "Verdict"]
