// The left side: who there is, and the panel of the day.

import { button, dialog, el, face, icon } from "./dom.js";
import { call, index, now, state } from "./store.js";
import { dayName, fullTime, hourMinute, language, own, switchLanguage, w } from "./words.js";

const HOUR = 3600;

export class Side {
  constructor({ open, isOpen, toggleCalls, notice, relabel }) {
    Object.assign(this, { open, isOpen, toggleCalls, notice, relabel });
    this.node = document.getElementById("side");
    this.people = el("nav.people");
    this.build();
    setInterval(() => this.tick(), 250);
  }

  build() {
    this.people.setAttribute("aria-label", w("people"));
    this.time = el("time.now");
    this.date = el("span.date");
    const toggle = el("button.word", { type: "button", onclick: () => { switchLanguage(); this.relabel(); } }, w("language"));
    const theme = button(w("theme"), "sun", () => this.switchTheme());
    this.theme = theme;
    this.drawTheme();
    this.node.replaceChildren(
      el("header.brand", {}, el("img", { src: "/static/icon.svg", alt: "" }), el("strong", {}, w("brand")), el("span.demo", {}, w("demo")), toggle, theme),
      this.people,
      this.dayPanel(),
    );
    this.drawPeople();
    this.drawFaults();
    this.tick();
  }

  dayPanel() {
    const jump = (label, hint, hours, minutes) =>
      el("button.chip", { type: "button", title: hint, "aria-label": `${label} ${hint}`, onclick: () => this.jumpTo(hours, minutes) }, label);
    const forward = (label, seconds) => el("button.chip", { type: "button", onclick: () => this.setClock({ advance: seconds }) }, label);
    this.settlement = el("button.primary.wide", { type: "button", onclick: () => this.operate("next-settlement", this.settlement) }, icon("next", 18), el("span", {}, w("settlement")));
    this.restart = el("button.tool", { type: "button", onclick: () => this.operate("restart-bot", this.restart) }, icon("restart", 17), el("span", {}, w("restart")));
    this.slow = el("button.tool", { type: "button", onclick: () => this.laySlow() }, icon("slow", 17), el("span", {}, w("slow")));
    this.outage = el("button.tool", { type: "button", onclick: () => this.toggleOutage() }, icon("cut", 17), el("span"));
    this.callsButton = el("button.tool", { type: "button", "aria-expanded": "false", onclick: () => this.toggleCalls() }, icon("list", 17), el("span", {}, w("calls")));
    return el(
      "section.day-panel", { "aria-label": w("day") },
      el("button.clock", { type: "button", title: w("setClock"), "aria-label": w("setClock"), onclick: () => this.askClock() }, this.time, this.date),
      el("div.chips", {},
        jump(w("beforeDay"), w("beforeDayHint"), 8, 30), jump(w("close"), w("closeHint"), 15, 30), jump(w("beforeNight"), w("beforeNightHint"), 20, 0),
        forward(w("quarter"), HOUR / 4), forward(w("hour"), HOUR), forward(w("dayOn"), 24 * HOUR)),
      this.settlement,
      el("div.tools", {}, this.restart, this.callsButton, this.slow, this.outage),
    );
  }

  tick() {
    if (!state.ready) return;
    const instant = now();
    this.time.textContent = fullTime(instant);
    this.date.textContent = dayName(instant, true);
  }

  drawPeople() {
    const rows = state.persons.map((one, i) => {
      const unread = state.unread.get(one.key) ?? 0;
      const last = lastWords(one);
      const open = this.isOpen(one.key);
      return el(
        `button.person${open ? ".open" : ""}${one.blocked ? ".blocked" : ""}`,
        { type: "button", "aria-pressed": String(open), "aria-label": `${one.name} ${own(one.role)} ${unread ? w("unread", { n: unread }) : ""}`,
          title: `${one.name} · ${own(one.role)}${one.subtitle ? ` · ${one.subtitle}` : ""} (Alt+${i + 1})`, onclick: () => this.open(one.key) },
        face(one.name, index(one.key)),
        el("span.person-words", {},
          el("span.person-head", {}, el("strong", {}, one.name), el("span.role", {}, own(one.role)), el("time", {}, last ? hourMinute(last.date * 1000) : "")),
          el("span.person-last", {}, one.blocked ? w("blocked") : last ? words(last) : one.subtitle)),
        unread ? el("span.badge", {}, unread > 99 ? "99+" : String(unread)) : null,
      );
    });
    const focused = [...this.people.children].indexOf(document.activeElement);
    this.people.replaceChildren(...rows);
    if (focused >= 0) this.people.children[focused]?.focus();
  }

  drawFaults() {
    const { outage, laid } = state.faults;
    this.outage.classList.toggle("on", outage);
    this.outage.setAttribute("aria-pressed", String(outage));
    this.outage.lastChild.textContent = w(outage ? "outageOn" : "outage");
    const limits = laid.filter((one) => one.kind === "429").length;
    this.slow.classList.toggle("on", limits > 0);
    this.settlement.disabled = this.restart.disabled = !state.operator;
    this.settlement.title = this.restart.title = state.operator ? "" : w("noOperator");
    document.body.classList.toggle("outage", outage);
  }

  async setClock(body) {
    try {
      await call("clock", body);
    } catch (problem) {
      this.notice(problem.message, true);
    }
  }

  // The next time that the clock in Beijing shows hours:minutes.
  jumpTo(hours, minutes) {
    const shifted = new Date(now() + 8 * HOUR * 1000);
    const wanted = Date.UTC(shifted.getUTCFullYear(), shifted.getUTCMonth(), shifted.getUTCDate(), hours, minutes) - 8 * HOUR * 1000;
    const instant = wanted > now() ? wanted : wanted + 24 * HOUR * 1000;
    this.setClock({ set: new Date(instant).toISOString() });
  }

  askClock() {
    const local = new Date(now() + 8 * HOUR * 1000).toISOString().slice(0, 16);
    const field = el("input", { type: "datetime-local", value: local, "aria-label": w("setClock"), autofocus: true });
    const go = (event) => { event.preventDefault(); sheet.close(); if (field.value) this.setClock({ set: field.value }); };
    const sheet = dialog(w("setClock"), el("form.card-form", { onsubmit: go }, field, el("button.primary", { type: "submit" }, w("set"))));
  }

  async operate(action, node) {
    node.classList.add("waiting");
    node.disabled = true;
    try {
      const { ok, text } = await call(`operator/${action}`);
      this.notice(own(text) || (ok ? w("ok") : "?"), !ok);
    } catch (problem) {
      this.notice(problem.message, true);
    }
    node.classList.remove("waiting");
    node.disabled = false;
  }

  async laySlow() {
    if (state.faults.laid.length) {
      await call("faults/clear");
      this.notice(w("faultsGone"));
      return;
    }
    await call("faults", { kind: "429", method: "sendMessage", retry_after: 5, count: 1 });
    this.notice(w("slowDone"));
  }

  async toggleOutage() {
    const { outage } = await call("outage", { on: !state.faults.outage });
    if (outage) this.notice(w("outageNow"));
  }

  switchTheme() {
    const dark = isDark();
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("theme", document.documentElement.dataset.theme);
    this.drawTheme();
  }

  drawTheme() {
    this.theme.replaceChildren(icon(isDark() ? "moon" : "sun"));
  }
}

export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function lastWords(one) {
  let newest = null;
  for (const id of one.chats) {
    for (const message of state.chats.get(id)?.messages.values() ?? []) {
      if (!message.service && (!newest || message.at > newest.at)) newest = message;
    }
  }
  return newest;
}

function words(message) {
  const said = (message.text ?? message.caption ?? "").replace(/\s+/g, " ");
  if (said) return said;
  if (message.photo) return `[${w("photo")}]`;
  if (message.document) return `📎 ${message.document.file_name ?? w("file")}`;
  if (message.contact) return `[${w("contact")}]`;
  if (message.voice) return `[${w("voice")}]`;
  if (message.sticker) return message.sticker.emoji ?? "👍";
  return language === "en" ? "[message]" : "[消息]";
}
