/* Cells of the grid of groups. React comes with Dash; nothing is compiled. */
const dagcomponentfuncs = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});

/* A slider from 0 to 99 percent removed. It reports while it moves; explorer_state.js sends the last value on. */
dagcomponentfuncs.RatioSlider = function RatioSlider(props) {
  const [held, setHeld] = React.useState(null);
  const value = held === null ? Number(props.value) : held;
  const hold = () => {
    window.explorer.isHeld = true;
  };
  const report = (event) => {
    const next = Number(event.target.value);
    setHeld(next);
    window.explorer.askChange({ kind: "ratio", group: props.data.name, ratio: next / 100 });
  };
  const release = () => {
    window.explorer.isHeld = false;
    setTimeout(() => setHeld(null), 400); // by then the answer is here
  };
  return React.createElement("input", {
    type: "range",
    min: 0,
    max: 99,
    step: 1,
    value: value,
    className: "ratio-slider",
    style: { "--fill": value / 99 },
    "aria-label": "Channels of " + props.data.name + " to remove, in percent",
    onChange: report,
    onPointerDown: hold,
    onPointerUp: release,
    onKeyUp: release,
    onBlur: release,
  });
};

/* The name of a group, with its letter while it is highlighted. */
dagcomponentfuncs.GroupName = function GroupName(props) {
  const slot = window.explorer.slotOf(props.value);
  const letter = slot === undefined ? "" : window.explorer.letter(slot);
  return React.createElement(
    "span",
    { className: "group-cell", title: props.value },
    React.createElement("span", { className: slot === undefined ? "badge is-empty" : "badge hue-" + slot }, letter),
    React.createElement("span", { className: "mono" }, props.value)
  );
};

/* Channels before and after: "16" or "16 → 8". */
dagcomponentfuncs.Channels = function Channels(props) {
  const { size, kept } = props.data;
  return React.createElement(
    "span",
    null,
    String(size),
    kept === size ? null : React.createElement("span", { className: "arrow" }, " → "),
    kept === size ? null : React.createElement("strong", null, String(kept))
  );
};
