// The drawer with the bot's calls, and faults of every kind.

import { button, el } from "./dom.js";
import { call, chatName, state } from "./store.js";
import { fullTime, w } from "./words.js";

const SHOWN = 150;
const KINDS = [["429", "429"], ["500", "500"], ["502", "502"], ["cut", "cut"], ["hang", "hang"], ["slow", "slowKind"]];
const METHODS = ["sendMessage", "sendPhoto", "sendDocument", "sendMediaGroup", "editMessageText", "answerCallbackQuery", "getUpdates", "getFile"];

export class Calls {
  constructor() {
    this.node = document.getElementById("calls");
    this.failedOnly = false;
    this.rows = new Map();
    this.build();
  }

  build() {
    this.node.setAttribute("aria-label", w("calls"));
    const failed = el("input", { type: "checkbox", checked: this.failedOnly, onchange: () => { this.failedOnly = failed.checked; this.draw(true); } });
    this.body = el("tbody");
    this.counted = el("span.counted");
    this.laid = el("div.laid");
    this.node.replaceChildren(
      el("header", {}, el("strong", {}, w("calls")), this.counted, el("label", {}, failed, w("failedOnly")), button(w("close_"), "close", () => this.toggle(false))),
      el("div.table", { tabIndex: 0, role: "region", "aria-label": w("calls") },
        el("table", {}, el("thead", {}, el("tr", {}, [w("time"), w("method"), w("chat"), w("status"), "ms"].map((head) => el("th", { scope: "col" }, head)))), this.body)),
      this.faultForm(),
    );
    this.draw(true);
  }

  faultForm() {
    const pick = (label, entries) => {
      const node = el("select", { "aria-label": label });
      for (const [value, text] of entries) node.append(el("option", { value }, text));
      return node;
    };
    const kind = pick(w("kind"), KINDS.map(([value, text]) => [value, w(text)]));
    const method = pick(w("method"), [["", w("any")], ...METHODS.map((name) => [name, name])]);
    const count = el("input", { type: "number", min: 1, max: 999, value: 1, "aria-label": w("count"), title: w("count") });
    const seconds = el("input", { type: "number", min: 1, max: 300, value: 5, "aria-label": w("seconds"), title: w("seconds") });
    const lay = (event) => {
      event.preventDefault();
      const body = { kind: kind.value, count: Number(count.value), retry_after: Number(seconds.value), seconds: Number(seconds.value) };
      call("faults", method.value ? { ...body, method: method.value } : body);
    };
    return el("form.faults", { onsubmit: lay }, el("strong", {}, w("faults")),
      el("div.fault-fields", {}, kind, method, el("label", {}, count, "×"), el("label", {}, seconds, "s"), el("button.primary", { type: "submit" }, w("lay")),
        el("button.tool", { type: "button", onclick: () => call("faults/clear") }, w("clear"))),
      this.laid);
  }

  toggle(open = this.node.hidden) {
    this.node.hidden = !open;
    document.body.classList.toggle("with-calls", open);
    document.querySelector("[aria-expanded].tool")?.setAttribute("aria-expanded", String(open));
    if (open) { this.draw(true); this.node.querySelector("button")?.focus(); }
  }

  draw(whole = false) {
    if (this.node.hidden && !whole) return;
    const shown = state.calls.filter((one) => !this.failedOnly || one.status !== 200).slice(-SHOWN).reverse();
    const known = this.rows;
    this.rows = new Map(shown.map((one) => [one.n, (!whole && known.get(one.n)) || this.row(one)]));
    this.body.replaceChildren(...(shown.length ? this.rows.values() : [el("tr", {}, el("td.none", { colSpan: 5 }, w("noCalls")))]));
    this.drawFaults();
  }

  row(one) {
    const bad = one.status !== 200;
    return el(`tr${bad ? ".bad" : ""}`, { title: one.error },
      el("td", {}, fullTime(Date.parse(one.day))),
      el("td", {}, one.method),
      el("td", {}, chatName(one.chat_id)),
      el("td.status", {}, bad ? `${one.status || "✕"}` : "200", one.error ? el("small", {}, one.error.replace(/^[\w ]+: /, "")) : null),
      el("td.ms", {}, one.ms.toFixed(1)));
  }

  drawFaults() {
    const offences = Object.values(state.violations).reduce((sum, n) => sum + n, 0);
    this.counted.textContent = offences ? w("violations", { n: offences }) : "";
    this.laid.replaceChildren(...state.faults.laid.map((one) =>
      el("span.chip", {}, `${one.kind} ${one.method ?? w("any")} ${one.count === null ? "∞" : one.count - one.hits}×`)));
  }
}
