"""What a step can ask somebody to do on the screen, where there is nothing to answer."""

from __future__ import annotations

from collections.abc import Mapping

ACTIONS: Mapping[str, str] = {
    "play": "play the propagation to its end",
    "prove": "see on the accuracy card that the plan is proven",
    "time": "measure the latency",
    "sweep": "measure the sensitivity of all groups",
    "recover": "recover the plan, all epochs of it",
    "train_sparsely": "train sparsely, all epochs of it",
    "plan_on_trained": "prune the model with the weights that were trained here",
    "ask_to_untie": "ask what it means to let the ties go",
}
"""Each action by the word that lessons use, as somebody is told to do it; `explorer.app.learn.doing` notices each."""
