"""Every id of the app, in one place."""

from __future__ import annotations

from typing import NamedTuple

APP = "app"

# State in the browser: plain data, no model
PAGE = "page"  # a random name for this open page, so that its jobs are its own
RECIPE = "recipe"
CHANGE = "change"  # the latest things that someone wants changed, with a serial number
RESTORE = "restore"  # the model or recipe that someone opens, or goes back to
ANSWER = "answer"  # what the server said last; assets/explorer_state.js hands it on
PREVIEW = "preview"  # what the recipe costs and keeps
SETTLED = "settled"  # key of the recipe once nothing has moved for a moment
SELECTION = "selection"  # {"group": name, "layer": name, "via": where it was picked}
MODEL = "model"  # source of the model on the screen
OPENED = "opened"  # {"source": ..., "paths": of the open modules}
TOGGLED = "toggled"  # the module that someone opens or closes
PINS = "pins"  # groups that keep their hue
PANELS = "panels"  # what each panel remembers, by its name: part of a link, of storage and of a saved recipe
RUN = "run"  # names the run of the server that this page came from
SCHEME = "scheme"
STYLES = "styles"  # the graph's stylesheet per colour scheme

# History, sharing and files
UNDO = "undo"
REDO = "redo"
SHARE = "share"
NOTICE = "notice"
LOST = "lost"
OPEN_OWN = "open-own"
OPEN_FILE = "open-file"
OWN_DIALOG = "own-dialog"
SAVE_RECIPE = "save-recipe"
DROP = "drop"

# Top bar
PICKER = "picker"
THEME = "theme"
PROVIDER = "provider"
EXPORT = "export"
EXPORT_RESULT = "export-result"
EXPORT_CLOSE = "export-close"
EXPORT_OTHER = "export-other"
OPEN_FORMATS = "open-formats"
FORMATS_DIALOG = "formats-dialog"
FORMATS_SIZE = "formats-size"
FORMATS_CHOICE = "formats-choice"
FORMATS_PLAN = "formats-plan"  # which plan is exported: the one on the page, or one whose weights were trained
FORMATS_WANTED = "formats-wanted"  # that plan: its recipe and weights
FORMATS_TRIAL = "formats-trial"  # the recipe of a plan of which only trying tells which formats can hold it
HELP = "help"
HELP_DIALOG = "help-dialog"
TOUR = "tour"
TOUR_MARKS = "tour-marks"
MODEL_NOTE = "model-note"

# Left pane
SEARCH = "search"
LIST_KIND = "list-kind"
LISTS = "lists"
LEFT = "left"
LEFT_TOGGLE = "left-toggle"

# Middle
GRAPH = "graph"
GRAPH_FIT = "graph-fit"
GRAPH_IN = "graph-in"
GRAPH_OUT = "graph-out"
GRAPH_ZOOM = "graph-zoom"
GRAPH_BOX = "graph-box"
GRAPH_LIVE = "graph-live"  # says in words where the keys have led
GRAPH_TIP = "graph-tip"
CRUMBS = "crumbs"
MINIMAP = "minimap"
SHADE = "shade"  # what the layers are coloured by
SHADE_LEGEND = "shade-legend"
OPENING = "opening"  # how far a model is that is being opened
OPENING_TITLE = "opening-title"
OPENING_STAGE = "opening-stage"
OPENING_TIME = "opening-time"
OPENING_CLOCK = "opening-clock"
OPENING_CANCEL = "opening-cancel"
CANCELLED = "cancelled"  # the model that somebody no longer waits for
FAILURE = "failure"  # why a model could not be opened, and what to try
EXPAND_ALL = "expand-all"
COLLAPSE_ALL = "collapse-all"

# Right pane
INSPECTOR = "inspector"
DETAILS = "details"
PIN = "pin"
WHY = "why"  # the group and the position of the member that someone wants explained
WHY_CHAIN = "why-chain"
RIGHT = "right"
RIGHT_TOGGLE = "right-toggle"

# Bottom drawer
BOTTOM_TOGGLE = "bottom-toggle"
TOTALS = "totals"
GRID = "grid"
GRID_TOOLS = "grid-tools"
GRID_FILTER = "grid-filter"
UNIFORM = "uniform"
PRESET = "preset"
PRESETS = "presets"
PRESETS_MENU = "presets-menu"
PRESET_AMOUNT = "preset-amount"
TARGET = "target"
TARGET_COST = "target-cost"
TARGET_PERCENT = "target-percent"
CHECKED_COUNT = "checked-count"
CHECKED_PERCENT = "checked-percent"
CHECKED_SET = "checked-set"
CHECKED_FACTOR = "checked-factor"
CHECKED_SCALE = "checked-scale"
CHECKED_RESET = "checked-reset"
CHECKED_LOCK = "checked-lock"
CHECKED_NONE = "checked-none"
RESET = "reset"
CRITERION = "criterion"
ROUND_TO = "round-to"
MINIMUM = "minimum"
CHANGE_ERROR = "change-error"
ACCURACY = "accuracy"
CLOCK = "clock"
MEASURE = "measure"
MEASURE_STOP = "measure-stop"

# Centre: which view of the model
CENTRE = "centre"
CENTRE_VIEW = "centre-view"
REMEMBERED = "remembered"  # the controls whose state is part of the view

# Player of a propagation
PLAY = "play"  # the port that someone wants to follow
PROPAGATION = "propagation"  # its steps
PLAYER = "player"
PLAYER_STEPS = "player-steps"
PLAYER_POSITION = "player-position"
PLAYER_SPEED = "player-speed"

# Matrices
MATRIX = "matrix"
MATRIX_BOX = "matrix-box"
MATRIX_CHART = "matrix-chart"
MATRIX_ASKED = "matrix-asked"  # what is to be drawn: nothing while another view is in the centre
MATRIX_CELLS = "matrix-cells"
MATRIX_LEGEND = "matrix-legend"
MATRIX_KIND = "matrix-kind"
MATRIX_NOTE = "matrix-note"
MATRIX_SCOPE = "matrix-scope"

# Before/After
COMPARISON_ASKED = "comparison-asked"  # what is to be compared: nothing while another view is in the centre
COMPARISON_JUDGED = "comparison-judged"  # and what is known of its proof
COMPARISON_GRID = "comparison-grid"
COMPARISON_HEAD = "comparison-head"
COMPARISON_SEARCH = "comparison-search"
COMPARISON_CHANGED = "comparison-changed"
COMPARISON_VERDICT = "comparison-verdict"
COMPARISON_VERIFY = "comparison-verify"

# Plans tried
PLANS = "plans"  # what was measured of each, with its recipe; kept by the browser
MEASURED = "measured"  # the latest
PLANS_ASKED = "plans-asked"  # what is to be drawn: nothing while another view is in the centre
PLAN_ROWS = "plan-rows"  # those of the model on the screen, without recipes
COMPARED = "compared"
PAIR = "pair"
PLANS_AXIS = "plans-axis"
PLANS_CHART = "plans-chart"
PLANS_PLOT = "plans-plot"
PLANS_NOTE = "plans-note"
PLANS_TABLE = "plans-table"
PLANS_DIFFERENCE = "plans-difference"
LATENCY_BATCH = "latency-batch"

# What can be taken away besides the model
TAKEN = "taken"
SAVE_PNG = "save-png"
SAVE_SVG = "save-svg"
SAVE_CSV = "save-csv"
COPY_RECIPE = "copy-recipe"

# Channels of the selected group
CHANNELS = "channels"  # scores, and which stay
CHANNELS_BOX = "channels-box"
CHANNELS_TITLE = "channels-title"  # by what they are ranked
CHANNELS_RANKING = "channels-ranking"  # which layers were asked
CHANNELS_SORT = "channels-sort"
CHANNELS_RESET = "channels-reset"
TERMS = "terms"
UNTIE = "untie"
UNTIE_SAID = "untie-said"  # what letting ties go means, before it is done
PLAN_TERMS = "plan-terms"
WEIGHTS = "weights"
WEIGHTS_ASKED = "weights-asked"  # what is to be drawn: nothing while the chart is out of sight
WEIGHTS_BOX = "weights-box"
WEIGHTS_CHART = "weights-chart"
WEIGHTS_IN_SIGHT = "weights-in-sight"
WEIGHTS_MEMBER = "weights-member"
WEIGHTS_NOTE = "weights-note"


class Work(NamedTuple):
    """The parts of a panel that starts work in the background, follows it and stops it."""

    begin: str
    again: str
    cancel: str
    status: str
    clock: str
    asked: str  # which job the page waits for
    shown: str  # what there is of it


def work(name: str) -> Work:
    """The parts of the panel `name`."""
    return Work(*(f"{name}-{part}" for part in Work._fields))


# Timings
LATENCY = work("latency")
LATENCY_TARGET = work("latency-target")
LATENCY_WANTED = "latency-wanted"  # the target that somebody looks for

# Training
TRAINING = "training"
TRAINING_TAB = "training-tab"
SWEEP = work("sweep")
SWEEP_TABLE = "sweep-table"
SWEEP_PLOT = "sweep-plot"
SWEEP_CHART = "sweep-chart"
ESTIMATE = "estimate"
RECOVER = work("recover")
RECOVER_EPOCHS = "recover-epochs"
RECOVER_RATE = "recover-rate"
RECOVER_PLOT = "recover-plot"
RECOVER_CHART = "recover-chart"
SPARSE = work("sparse")
SPARSE_EPOCHS = "sparse-epochs"
SPARSE_RATE = "sparse-rate"
SPARSE_STRENGTH = "sparse-strength"
SPARSE_REGULARISER = "sparse-regulariser"
SPARSE_NORMS = "sparse-norms"
SPARSE_NORMS_CHART = "sparse-norms-chart"
SPARSE_PLOT = "sparse-plot"
SPARSE_CHART = "sparse-chart"
TAKE_TRAINED = "take-trained"  # the trained plan that somebody wants to have

# Criteria that need data, and how slices become a score
SCORES = work("scores")
REDUCTION = "reduction"
NORMALISER = "normaliser"
SCORING = "scoring"
SCORING_MENU = "scoring-menu"
TARGET_RANKING = "target-ranking"

# Export formats
EXPORTING = work("exporting")
FORMATS = work("formats")

# What is on the screen, as a step of a lesson
LESSON_VIEW = "lesson-view"
LESSON_VIEW_DIALOG = "lesson-view-dialog"
LESSON_VIEW_STEP = "lesson-view-step"

# Lessons
LESSON_PATH = "lesson-path"  # the address that somebody goes to
LESSON_STEP = "lesson-step"  # what the server says of it: which step, and the recipe that it shows
LESSON_LIST = "lesson-list"
LESSON = "lesson"
LESSON_HEAD = "lesson-head"
LESSON_TEXT = "lesson-text"
LESSON_TASK = "lesson-task"
LESSON_CONDITIONS = "lesson-conditions"
LESSON_TOOLS = "lesson-tools"
LESSON_CHECK = "lesson-check"
LESSON_HINT = "lesson-hint"
LESSON_SOLUTION = "lesson-solution"
LESSON_RETRY = "lesson-retry"
LESSON_ANSWER = "lesson-answer"  # what is answered, or that the engine's own answer is asked for
LESSON_VERDICT = "lesson-verdict"  # what the engine says of it
LESSON_SAID = "lesson-said"
LESSON_MORE = "lesson-more"  # and why
LESSON_STOP = "lesson-stop"
LESSON_CLOCK = "lesson-clock"
LESSON_FOOT = "lesson-foot"
PRESENT = "present"


def format_size(form: str) -> str:
    """Where the dialog says how large the export in a format is."""
    return f"format-size-{form}"


def format_choice(form: str) -> str:
    """Where a format is chosen in the dialog."""
    return f"format-choice-{form}"
