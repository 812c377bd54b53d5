/* Cells of the grid of groups. React comes with Dash; nothing is compiled. */
const dagcomponentfuncs = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});

/* What a cell holds takes the focus that the grid gives to the cell, so that its keys are its own. */
function useFocusOf(props) {
  const inner = React.useRef(null);
  React.useEffect(() => {
    const take = (event) => event.target === props.eGridCell && inner.current && inner.current.focus();
    props.eGridCell.addEventListener("focus", take);
    return () => props.eGridCell.removeEventListener("focus", take);
  }, [props.eGridCell]);
  return inner;
}

/* A slider from 0 to 99 percent removed. It reports while it moves; explorer_state.js sends the last value on. */
dagcomponentfuncs.RatioSlider = function RatioSlider(props) {
  const [held, setHeld] = React.useState(null);
  const input = useFocusOf(props);
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
    ref: input,
    tabIndex: -1,
    type: "range",
    min: 0,
    max: 99,
    step: 1,
    value: value,
    className: "ratio-slider",
    disabled: Boolean(props.data.locked),
    style: { "--fill": value / 99 },
    "aria-label": "Channels of " + props.data.name + " to remove, in percent",
    onChange: report,
    onPointerDown: hold,
    onPointerUp: release,
    onKeyUp: release,
    onBlur: release,
  });
};

/* A long name in two parts: where there is no room, the first is cut, not the one that tells it from its neighbours. */
function inParts(name) {
  const cut = name.lastIndexOf(".", name.lastIndexOf(".") - 1) + 1;
  if (!cut) return name;
  return [name.slice(0, cut), name.slice(cut)].map((part) => React.createElement("span", { key: part }, part));
}

/* The name of a layer. */
dagcomponentfuncs.LayerName = function LayerName(props) {
  return React.createElement("span", { className: "mono split-name" }, inParts(props.value));
};

/* The name of a group, with its letter while it is highlighted; the row of the one that is selected stands out. */
dagcomponentfuncs.GroupName = function GroupName(props) {
  const slot = window.explorer.slotOf(props.value);
  const letter = slot === undefined ? "" : window.explorer.letter(slot);
  return React.createElement(
    "span",
    { className: window.explorer.isSelected(props.value) ? "group-cell is-picked" : "group-cell", title: props.value },
    React.createElement("span", { className: slot === undefined ? "badge is-empty" : "badge hue-" + slot }, letter),
    React.createElement("span", { className: "mono split-name" }, inParts(props.value))
  );
};

/* Channels before and after: "16" or "16 → 8"; a mark where they are chosen one by one. */
dagcomponentfuncs.Channels = function Channels(props) {
  const { size, kept, chosen } = props.data;
  const mark = { className: "chosen-mark", title: "These channels are chosen one by one; a new ratio takes over again" };
  return React.createElement(
    "span",
    null,
    String(size),
    kept === size ? null : React.createElement("span", { className: "arrow" }, " → "),
    kept === size ? null : React.createElement("strong", null, String(kept)),
    chosen ? React.createElement("span", mark, "by hand") : null
  );
};

/* The groups that the model's code ties to this one: they move along, unless the recipe lets their ties go. */
dagcomponentfuncs.Ties = function Ties(props) {
  const ties = props.value || [];
  if (!ties.length) return null;
  if (props.data.loose) return React.createElement("span", { className: "quiet", title: ties.join(", ") }, "let go");
  const [first, ...more] = ties;
  const link = {
    className: "link mono tie",
    type: "button",
    title: "The model's code ties this group to " + ties.join(", "),
    "data-pick": "group:" + first,
    "data-groups": JSON.stringify([first]),
  };
  return React.createElement(
    "span",
    { className: "group-cell" },
    React.createElement("button", link, first),
    more.length ? React.createElement("span", { className: "quiet", title: more.join(", ") }, "+" + more.length) : null
  );
};

/* Locks a group, or frees it. */
dagcomponentfuncs.Lock = function Lock(props) {
  const isLocked = Boolean(props.value);
  const button = useFocusOf(props);
  const text = (isLocked ? "Unlock " : "Lock ") + props.data.name;
  const toggle = () => window.explorer.askChange({ kind: "lock", group: props.data.name, locked: !isLocked });
  const says = { title: text, "aria-label": text, "aria-pressed": isLocked };
  return React.createElement(
    "button",
    { ref: button, tabIndex: -1, className: "tool lock", type: "button", onClick: toggle, ...says },
    React.createElement("span", { className: "icon icon-" + (isLocked ? "lock" : "unlock"), "aria-hidden": true })
  );
};
