// The page: three (or as many as fit) phones side by side, the people and the day at the left.

import { closeMenu, el } from "./dom.js";
import { Calls } from "./calls.js";
import { Side } from "./day.js";
import { Phone } from "./phone.js";
import { connect, listen, seen, state, whoIsSeen } from "./store.js";
import { language, w } from "./words.js";

const NARROWEST = 270;
const shelf = document.getElementById("phones");
const notices = document.getElementById("notices");
const phones = new Map();
let used = [];
let side = null;
let calls = null;

document.documentElement.lang = language === "en" ? "en" : "zh-CN";
if (localStorage.getItem("theme")) document.documentElement.dataset.theme = localStorage.getItem("theme");

function notice(text, bad = false) {
  const node = el(`div.notice${bad ? ".bad" : ""}`, {}, text);
  notices.append(node);
  setTimeout(() => node.remove(), bad ? 9000 : 5000);
}

const room = () => Math.max(1, Math.min(state.persons.length, Math.floor((shelf.clientWidth - 12) / NARROWEST)));

// Phones keep their place; a person who is not there takes the place of the one used longest ago.
function open(key) {
  if (!phones.has(key)) {
    const phone = new Phone(key, { onFocus: () => touch(key) });
    if (phones.size >= room()) {
      const oldest = used.find((one) => phones.has(one));
      const old = phones.get(oldest);
      old.node.replaceWith(phone.node);
      phones.delete(oldest);
    } else {
      shelf.append(phone.node);
    }
    phones.set(key, phone);
    phone.toBottom();
  }
  phones.get(key).focus();
  touch(key);
  remember();
}

function touch(key) {
  used = [...used.filter((one) => one !== key), key];
  seen(key);
  side.drawPeople();
}

function remember() {
  localStorage.setItem("phones", JSON.stringify([...shelf.children].map((node) => node.dataset.person)));
}

function fit() {
  if (!state.ready) return;
  const wanted = room();
  const there = () => [...shelf.querySelectorAll(".phone")];
  while (there().length > wanted) {
    const last = there().at(-1);
    phones.delete(last.dataset.person);
    last.remove();
  }
  for (const key of firstPeople()) {
    if (phones.size >= wanted) break;
    if (phones.has(key)) continue;
    const phone = new Phone(key, { onFocus: () => touch(key) });
    phones.set(key, phone);
    shelf.append(phone.node);
    phone.toBottom();
    used.push(key);
    seen(key);
  }
  side.drawPeople();
}

function firstPeople() {
  const kept = JSON.parse(localStorage.getItem("phones") ?? "[]");
  const all = state.persons.map((one) => one.key);
  return [...new Set([...kept.filter((key) => all.includes(key)), ...all])];
}

function dropStrangers() {
  for (const [key, phone] of phones) {
    if (!state.persons.some((one) => one.key === key)) {
      phone.node.remove();
      phones.delete(key);
    }
  }
}

function relabel() {
  side.build();
  calls.build();
  for (const phone of phones.values()) phone.redraw();
}

listen((topics) => {
  if (topics.has("all")) {
    dropStrangers();
    for (const phone of phones.values()) phone.draw();
    side.drawFaults();
    calls.draw(true);
    fit();
  }
  for (const phone of phones.values()) if (topics.has(`chat:${phone.chatId}`) || topics.has("persons")) phone.draw();
  if (topics.has("persons")) side.drawPeople();
  if (topics.has("faults")) { side.drawFaults(); calls.drawFaults(); }
  if (topics.has("calls")) calls.draw();
  if (topics.has("clock")) side.tick();
});

whoIsSeen((key, chat) => !document.hidden && phones.get(key)?.chatId === chat);
side = new Side({ open, isOpen: (key) => phones.has(key), toggleCalls: () => calls.toggle(), notice, relabel });
calls = new Calls();
connect((what) => notice(w(what), what === "lost"));

addEventListener("resize", fit);
addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeMenu(true);
  const number = event.altKey && /^Digit([1-9])$/.exec(event.code);
  const one = number && state.persons[Number(number[1]) - 1];
  if (one) { event.preventDefault(); open(one.key); }
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => side.drawTheme());
