// One person's phone: the chat with the bot (or a group), the composer, menus and answers.

import { button, closeMenu, dialog, el, face, icon, menu } from "./dom.js";
import { bubble, dayOf, groups, separator, version } from "./messages.js";
import { call, chatName, index, person, seen, state, upload } from "./store.js";
import { language, own, w } from "./words.js";

const REACTIONS = ["👍", "👌", "🙏", "👎"];

export class Phone {
  constructor(key, { onFocus }) {
    this.key = key;
    this.chatId = person(key).id;
    this.thread = null;
    this.drawn = new Map();
    this.replyTo = null;
    this.editing = null;
    this.keysHidden = false;
    this.build();
    this.node.addEventListener("focusin", onFocus);
    this.node.addEventListener("pointerdown", onFocus);
    this.draw();
    this.toBottom();
  }

  get who() { return person(this.key); }
  get chat() { return state.chats.get(this.chatId); }
  get place() { return { chat: this.chatId, thread: this.thread ?? undefined }; }

  build() {
    this.owner = el("header.owner");
    this.bar = el("div.chatbar");
    this.pinned = el("button.pinned", { type: "button", hidden: true });
    this.log = el("div.log", { role: "log", tabIndex: 0, "aria-live": "polite" });
    this.log.addEventListener("scroll", () => this.scrolled());
    this.stuck = true;
    new ResizeObserver(() => { if (this.stuck) this.toBottom(); }).observe(this.log);
    this.log.addEventListener("keydown", (event) => this.walk(event));
    this.jumper = button(w("jump"), "down", () => this.toBottom(true), ".jumper");
    this.jumper.hidden = true;
    this.toasts = el("div.toasts", { role: "status", "aria-live": "assertive" });
    this.context = el("div.context", { hidden: true });
    this.suggestions = el("div.suggestions", { hidden: true, role: "listbox" });
    this.composer = el("form.composer", { onsubmit: (event) => { event.preventDefault(); this.send(); } });
    this.keys = el("div.keys", { hidden: true });
    this.gate = el("div.gate", { hidden: true });
    this.picker = el("input", { type: "file", multiple: true, hidden: true, tabIndex: -1, "aria-hidden": "true" });
    this.picker.addEventListener("change", () => this.picked());
    this.drop = el("div.drop", { hidden: true }, w("dropHere"));
    this.screen = el(
      "div.screen", {}, this.bar, this.pinned,
      el("div.middle", {}, this.log, this.jumper, this.toasts, this.drop),
      this.suggestions, this.context, this.composer, this.keys, this.gate, this.picker,
    );
    this.node = el("section.phone", { "data-person": this.key }, this.owner, this.screen);
    this.buildComposer();
    this.takeDrops();
  }

  buildComposer() {
    this.slash = button(w("commands"), "slash", () => this.showCommands());
    this.attach = button(w("attach"), "attach", () => this.showAttachments());
    this.input = el("textarea", { rows: 1, placeholder: w("write"), "aria-label": w("write"), enterKeyHint: "send" });
    this.keysButton = button(w("keyboard"), "keys", () => { this.keysHidden = !this.keysHidden; this.drawKeys(); });
    this.sendButton = el("button.send", { type: "submit", "aria-label": w("send"), title: w("send") }, icon("send"));
    this.input.addEventListener("input", () => this.typed());
    this.input.addEventListener("keydown", (event) => this.typing(event));
    this.input.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length) { event.preventDefault(); this.sendFiles(files); }
    });
    this.composer.replaceChildren(this.slash, this.input, this.keysButton, this.attach, this.sendButton);
  }

  takeDrops() {
    let depth = 0;
    this.screen.addEventListener("dragenter", (event) => { event.preventDefault(); depth += 1; this.drop.hidden = false; });
    this.screen.addEventListener("dragleave", () => { depth -= 1; if (depth <= 0) this.drop.hidden = true; });
    this.screen.addEventListener("dragover", (event) => event.preventDefault());
    this.screen.addEventListener("drop", (event) => {
      event.preventDefault();
      depth = 0;
      this.drop.hidden = true;
      this.sendFiles([...event.dataTransfer.files]);
    });
  }

  // -- drawing

  draw() {
    if (!this.who) return;
    if (!this.chat || !this.who.chats.includes(this.chatId)) this.chatId = this.who.id;
    this.drawOwner();
    this.drawBar();
    this.drawPinned();
    this.drawMessages();
    this.drawContext();
    this.drawKeys();
    this.drawGate();
  }

  // Language changed: everything is drawn anew.
  redraw() {
    this.drawn.clear();
    this.log.replaceChildren();
    this.buildComposer();
    this.draw();
    this.toBottom();
  }

  drawOwner() {
    const { name, role, subtitle, key } = this.who;
    this.node.setAttribute("aria-label", w("phoneOf", { name }));
    this.owner.replaceChildren(
      face(name, index(key)),
      el("span.owner-name", {}, name),
      role ? el("span.role", {}, own(role)) : "",
      el("span.subtitle", { title: subtitle }, subtitle),
    );
  }

  drawBar() {
    const { chat } = this;
    const private_ = chat.type === "private";
    const typing = state.typing.get(this.chatId);
    const dots = typing && typing.until > performance.now();
    const title = private_ ? state.bot.name : chat.title;
    const below = dots ? el("span.is-typing", {}, w("typing"), el("i.dots", {}, el("b"), el("b"), el("b")))
      : private_ ? w("bot") : w("group", { n: chat.members.length });
    const parts = [
      private_ ? el("img.bot-face", { src: "/static/icon.svg", alt: "" }) : face(chat.title, Math.abs(chat.id) % 7, ".round"),
      el("span.chat-title", {}, this.who.chats.length > 1 ? this.chatChoice() : el("strong", {}, title), el("small", {}, below)),
    ];
    if (chat.forum) parts.push(this.topicChoice());
    parts.push(button(w("more"), "more", (event) => this.showMore(event.currentTarget)));
    this.bar.replaceChildren(...parts);
  }

  chatChoice() {
    const pick = el("select.chat-choice", { "aria-label": w("chat"), onchange: () => this.openChat(Number(pick.value)) });
    for (const id of this.who.chats) {
      const name = id === this.who.id ? state.bot.name : chatName(id);
      pick.append(el("option", { value: id, selected: id === this.chatId }, name));
    }
    return pick;
  }

  topicChoice() {
    const pick = el("select", { "aria-label": w("topics"), onchange: () => { this.thread = Number(pick.value) || null; this.redraw(); } });
    pick.append(el("option", { value: "" }, w("topicAll")));
    for (const topic of this.chat.topics) pick.append(el("option", { value: topic.id, selected: topic.id === this.thread }, topic.name));
    return pick;
  }

  openChat(id) {
    this.chatId = id;
    this.thread = null;
    this.replyTo = this.editing = null;
    this.redraw();
  }

  drawPinned() {
    const id = this.chat.pinned?.at(-1);
    const message = id && this.chat.messages.get(id);
    this.pinned.hidden = !message;
    if (!message) return;
    const words = (message.text ?? message.caption ?? "").split("\n")[0];
    this.pinned.replaceChildren(icon("pin", 16), el("span", {}, words));
    this.pinned.setAttribute("aria-label", `${w("pinned")}: ${words}`);
    this.pinned.onclick = () => this.jump(id);
  }

  drawMessages() {
    const stick = this.stuck;
    const shown = [...this.chat.messages.values()].filter((m) => !this.thread || m.message_thread_id === this.thread);
    const wanted = [];
    let day = "";
    let before = null;
    for (const group of groups(shown)) {
      const [first] = group;
      if (dayOf(first) !== day) {
        day = dayOf(first);
        wanted.push(this.keep(`day${day}`, "", () => separator(first.date * 1000)));
        before = null;
      }
      const mine = first.sender === this.key;
      const joined = before && before.sender === first.sender && !before.service && !first.service && first.date - before.date < 300;
      const facts = { mine, joined, named: this.chat.type !== "private" && !mine && !joined };
      wanted.push(this.keep(`m${first.message_id}`, `${version(group)}${joined}`, () => bubble(group, facts, this.acts())));
      before = group.at(-1);
    }
    if (!wanted.length) {
      wanted.push(this.keep("empty", this.who.started, () => el("p.empty", {}, state.description || w(this.who.started ? "empty" : "intro"))));
    }
    const typing = state.typing.get(this.chatId);
    if (typing && typing.until > performance.now()) {
      wanted.push(this.keep("typing", "", () => el("div.row.theirs", {}, el("div.bubble.typing-bubble", { "aria-label": w("typing") }, el("i.dots", {}, el("b"), el("b"), el("b"))))));
    }
    this.settle(wanted);
    if (stick) this.toBottom();
    else this.scrolled();
  }

  // The node drawn for a key, made anew where its version is another.
  keep(key, mark, make) {
    const known = this.drawn.get(key);
    if (known && known.mark === mark) return { key, ...known };
    const node = make();
    if (known?.node.contains(document.activeElement)) this.input.focus({ preventScroll: true });
    return { key, mark, node };
  }

  settle(wanted) {
    this.drawn = new Map(wanted.map(({ key, mark, node }) => [key, { mark, node }]));
    let here = this.log.firstChild;
    for (const { node } of wanted) {
      if (here === node) here = here.nextSibling;
      else this.log.insertBefore(node, here);
    }
    while (here) { const gone = here; here = here.nextSibling; gone.remove(); }
  }

  drawContext() {
    const about = this.editing ?? this.replyTo;
    this.context.hidden = !about;
    if (!about) return;
    const title = this.editing ? w("editing") : w("replyTo", { name: about.sender_name });
    this.context.replaceChildren(
      icon(this.editing ? "edit" : "reply", 18),
      el("span.context-words", {}, el("strong", {}, title), el("span", {}, about.text ?? about.caption ?? w("photo"))),
      button(w("cancel"), "close", () => this.dropContext()),
    );
  }

  dropContext() {
    if (this.editing) { this.input.value = ""; this.typed(); }
    this.replyTo = this.editing = null;
    this.drawContext();
    this.input.focus();
  }

  drawKeys() {
    const keyboard = this.chat.keyboard;
    this.keysButton.hidden = !keyboard;
    this.keysButton.setAttribute("aria-pressed", String(Boolean(keyboard) && !this.keysHidden));
    const hidden = !keyboard || this.keysHidden;
    const mark = JSON.stringify(keyboard);
    if (this.keys.dataset.mark !== mark) {
      this.keys.dataset.mark = mark;
      this.keysHidden = false;
      this.keys.replaceChildren(...(keyboard?.keyboard ?? []).map((row) => el("div.keys-row", {}, row.map((key) => this.key_(key)))));
    }
    this.keys.hidden = hidden && (this.keysHidden || !keyboard);
    const prompt = this.chat.prompt;
    this.input.placeholder = prompt?.input_field_placeholder || (!this.keys.hidden && keyboard?.input_field_placeholder) || w("write");
    if (prompt && this.prompted !== prompt.message_id) {
      this.prompted = prompt.message_id;
      this.replyTo = this.chat.messages.get(prompt.message_id) ?? null;
      this.drawContext();
    }
  }

  key_(key) {
    const press = () => this.run(() => call(`persons/${this.key}/keyboard`, { text: key.text, chat: this.chatId }));
    return el("button.key", { type: "button", onclick: press }, key.request_contact ? icon("me", 16) : null, key.text);
  }

  drawGate() {
    const { started, blocked } = this.who;
    const private_ = this.chat.type === "private";
    const shut = private_ && (blocked || !started);
    this.slash.hidden = !this.commands().length;
    this.composer.hidden = shut;
    if (shut) this.keys.hidden = true;
    this.gate.hidden = !shut;
    this.node.classList.toggle("is-blocked", blocked);
    if (!shut) return;
    const act = blocked ? () => call(`persons/${this.key}/unblock`) : () => call(`persons/${this.key}/start`);
    const label = w(blocked ? "unblock" : "start");
    this.gate.replaceChildren(
      el("button.primary", { type: "button", onclick: () => this.run(act) }, icon(blocked ? "block" : "start", 18), label),
    );
  }

  // -- scrolling

  atBottom() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 60;
  }

  toBottom(smooth = false) {
    this.stuck = true;
    this.log.scrollTo({ top: this.log.scrollHeight, behavior: smooth ? "smooth" : "instant" });
    this.jumper.hidden = true;
  }

  scrolled() {
    this.stuck = this.atBottom();
    this.jumper.hidden = this.stuck;
  }

  jump(id) {
    const row = this.log.querySelector(`[data-id="${id}"]`);
    if (!row) return;
    row.scrollIntoView({ block: "center", behavior: "smooth" });
    row.classList.add("found");
    setTimeout(() => row.classList.remove("found"), 1200);
  }

  // Arrow keys go through the messages, Enter opens what can be done with one.
  walk(event) {
    if (!["ArrowUp", "ArrowDown", "Enter"].includes(event.key)) return;
    const rows = [...this.log.querySelectorAll(".row[data-id]")];
    const here = rows.indexOf(document.activeElement);
    if (event.key === "Enter") {
      if (here >= 0) { event.preventDefault(); rows[here].querySelector(".bubble-more")?.click(); }
      return;
    }
    if (document.activeElement !== this.log && here < 0) return;
    event.preventDefault();
    const next = here < 0 ? rows.length - 1 : here + (event.key === "ArrowUp" ? -1 : 1);
    rows[Math.max(0, Math.min(rows.length - 1, next))]?.focus();
  }

  // -- writing

  async run(act) {
    try {
      return await act();
    } catch (problem) {
      this.toast(w("sendFailed", { why: problem.message }));
      return null;
    }
  }

  typed() {
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, 120)}px`;
    const command = /^\/(\w*)$/.exec(this.input.value);
    const commands = this.commands().filter((one) => command && one.command.startsWith(command[1]));
    this.suggestions.hidden = !commands.length;
    this.suggestions.replaceChildren(...commands.map((one, i) => this.suggestion(one, i === 0)));
  }

  suggestion({ command, description }, first) {
    return el(
      `button.suggestion${first ? ".first" : ""}`,
      { type: "button", role: "option", "aria-selected": String(first), onclick: () => this.say(`/${command}`) },
      el("strong", {}, `/${command}`), el("span", {}, description),
    );
  }

  typing(event) {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.send();
    } else if (event.key === "Escape" && (this.replyTo || this.editing)) {
      this.dropContext();
    } else if (event.key === "ArrowUp" && !this.input.value) {
      const mine = [...this.chat.messages.values()].filter((m) => m.sender === this.key && m.text).at(-1);
      if (mine) { event.preventDefault(); this.edit(mine); }
    } else if (event.key === "Tab" && !this.suggestions.hidden) {
      event.preventDefault();
      const [first] = this.commands().filter((one) => `/${one.command}`.startsWith(this.input.value));
      this.input.value = `/${first.command} `;
      this.typed();
    }
  }

  async send() {
    const text = this.input.value.trim();
    if (!text) return;
    if (this.editing) {
      const { message_id } = this.editing;
      const done = await this.run(() => call(`persons/${this.key}/edit`, { ...this.place, message_id, text }));
      if (done) this.dropContext();
      return;
    }
    await this.say(text);
  }

  async say(text) {
    const reply_to = this.replyTo?.message_id;
    const before = this.input.value;
    this.input.value = "";
    this.replyTo = null;
    this.typed();
    this.drawContext();
    this.toBottom();
    const done = await this.run(() => call(`persons/${this.key}/text`, { ...this.place, text, reply_to }));
    if (!done) this.input.value = before;
    this.input.focus();
  }

  edit(message) {
    this.editing = message;
    this.replyTo = null;
    this.input.value = message.text ?? message.caption ?? "";
    this.drawContext();
    this.input.focus();
    this.typed();
  }

  commands() {
    return this.who.commands?.[String(this.chatId)] ?? [];
  }

  showCommands() {
    menu(this.slash, this.commands().map((one) => ({ label: `/${one.command}`, hint: one.description, act: () => this.say(`/${one.command}`) })));
  }

  // -- attachments

  showAttachments() {
    const pick = (kind, accept) => () => { this.pickKind = kind; this.picker.accept = accept; this.picker.click(); };
    menu(this.attach, [
      { label: w("photo"), icon: "photo", act: pick("photo", "image/*") },
      { label: w("sample"), icon: "sample", act: () => this.sendSample() },
      { label: w("file"), icon: "file", act: pick("document", "") },
      { label: w("ownCard"), icon: "me", act: () => this.run(() => call(`persons/${this.key}/contact`, this.place)) },
      { label: w("otherCard"), icon: "others", act: () => this.chooseCard() },
      { label: w("voice"), icon: "voice", act: () => this.sendFiles([], "voice") },
      { label: w("sticker"), icon: "sticker", act: () => this.sendFiles([], "sticker") },
      { label: w("place"), icon: "place", act: () => this.run(() => call(`persons/${this.key}/location`, this.place)) },
    ]);
  }

  picked() {
    const files = [...this.picker.files];
    this.picker.value = "";
    if (files.length) this.sendFiles(files, this.pickKind);
  }

  async sendFiles(files, kind = "") {
    const photos = files.length > 0 && files.every((file) => /^image\/(png|jpeg|gif|webp)$/.test(file.type));
    const as = kind || (photos ? "photo" : "document");
    const caption = this.input.value.trim();
    const fields = { as, caption, reply_to: this.replyTo?.message_id, ...this.place };
    const done = await this.run(() => upload(`persons/${this.key}/upload`, files, fields));
    if (!done) return;
    if (files.length && caption) { this.input.value = ""; this.typed(); }
    this.replyTo = null;
    this.drawContext();
    this.toBottom();
  }

  // A picture drawn here, so that evidence can be sent without a file at hand.
  sendSample() {
    const canvas = el("canvas", { width: 720, height: 480 });
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#f4f6f8";
    pen.fillRect(0, 0, 720, 480);
    pen.strokeStyle = "#cfd8df";
    for (let y = 90; y < 440; y += 50) { pen.beginPath(); pen.moveTo(40, y); pen.lineTo(680, y); pen.stroke(); }
    pen.strokeStyle = "#1f7a8c";
    pen.lineWidth = 4;
    pen.beginPath();
    for (let x = 40; x <= 680; x += 8) pen.lineTo(x, 270 + 90 * Math.sin(x / 70) + 30 * Math.sin(x / 17));
    pen.stroke();
    pen.fillStyle = "#17212b";
    pen.font = "600 28px 'Noto Sans CJK SC', 'PingFang SC', sans-serif";
    pen.fillText(language === "en" ? "Screenshot (sample)" : "交易软件截图（示例）", 40, 56);
    canvas.toBlob((blob) => this.sendFiles([new File([blob], "sample.png", { type: "image/png" })], "photo"), "image/png");
  }

  chooseCard() {
    const others = state.persons.filter((one) => one.key !== this.key);
    const send = (body) => { sheet.close(); this.run(() => call(`persons/${this.key}/contact`, { ...body, ...this.place })); };
    const name = el("input", { placeholder: w("name"), "aria-label": w("name") });
    const phone = el("input", { placeholder: w("phone"), "aria-label": w("phone"), inputMode: "tel" });
    const form = el(
      "form.card-form",
      { onsubmit: (event) => { event.preventDefault(); if (phone.value.trim()) send({ phone: phone.value.trim(), first_name: name.value.trim() }); } },
      name, phone, el("button.primary", { type: "submit" }, w("send")),
    );
    const list = others.map((one) => el("button.person-choice", { type: "button", onclick: () => send({ of: one.key }) },
      face(one.name, index(one.key)), el("span", {}, one.name), el("small", {}, one.phone)));
    const sheet = dialog(w("cardOf"), el("div.choices", {}, list), form);
  }

  // -- doing something with a message

  acts() {
    return {
      command: (text) => this.say(text),
      deepLink: (url) => deepLink(url),
      start: (payload) => this.start(this.key, payload),
      passOn: (anchor, payload) => this.passOn(anchor, payload),
      showPhoto: (message) => this.showPhoto(message),
      jump: (id) => this.jump(id),
      reply: (message) => this.reply(message),
      more: (group, anchor, at) => this.showMessageMenu(group, anchor, at),
      press: (...facts) => this.press(...facts),
      settled: () => { if (this.stuck) this.toBottom(); },
    };
  }

  start(key, payload) {
    return this.run(() => call(`persons/${key}/start`, { payload }));
  }

  passOn(anchor, payload) {
    const choices = state.persons.map((one) => ({
      label: one.key === this.key ? `${one.name}（${w("here")}）` : one.name,
      hint: own(one.role),
      face: face(one.name, index(one.key), ".small"),
      act: () => this.start(one.key, payload),
    }));
    menu(anchor, [{ title: w("openOn") }, ...choices]);
  }

  reply(message) {
    this.replyTo = message;
    this.editing = null;
    this.drawContext();
    this.input.focus();
  }

  showMessageMenu(group, anchor, at) {
    const [first] = group;
    const words = group.map((m) => m.text ?? m.caption ?? "").join("\n").trim();
    const mine = first.sender === this.key;
    const send = (path, body) => this.run(() => call(`persons/${this.key}/${path}`, { chat: this.chatId, message_id: first.message_id, ...body }));
    menu(anchor, [
      { label: w("reply"), icon: "reply", act: () => this.reply(first) },
      words && { label: w("copy"), icon: "copy", act: () => navigator.clipboard?.writeText(words) },
      mine && words && { label: w("edit"), icon: "edit", act: () => this.edit(first) },
      { row: REACTIONS.map((emoji) => ({ label: emoji, name: `${w("react")} ${emoji}`, act: () => send("react", { emoji: first.reactions?.includes(emoji) ? "" : emoji }) })) },
      { label: w("remove"), icon: "trash", danger: true, act: () => group.forEach((m) => send("delete", { message_id: m.message_id })) },
    ], at);
  }

  async press(message, row, column, key, node) {
    if (node.classList.contains("waiting")) return;
    if (key.url && deepLink(key.url) === null) { window.open(key.url, "_blank", "noopener"); return; }
    if (key.copy_text) { navigator.clipboard?.writeText(key.copy_text.text); return; }
    node.classList.add("waiting");
    const body = { chat: this.chatId, message_id: message.message_id, button: [row, column] };
    const facts = await this.run(() => call(`persons/${this.key}/press`, body));
    node.classList.remove("waiting");
    if (!facts || facts.url || facts.started) return;
    if (!facts.answer) this.toast(w("noAnswer"));
    else if (facts.answer.alert) this.alert(facts.answer.text);
    else if (facts.answer.text) this.toast(facts.answer.text);
  }

  showPhoto(message) {
    const shot = message.photo.at(-1);
    const url = `/sim/files/${encodeURIComponent(shot.file_id)}`;
    const payload = this.payloadIn(message);
    const sheet = el("dialog.lightbox", { "aria-label": message.caption || w("photo") });
    sheet.append(
      el("img", { src: url, alt: message.caption || w("photo") }),
      el("div.lightbox-bar", {},
        payload === null ? null : el("button.primary", { type: "button", onclick: (event) => this.passOnFrom(sheet, event.currentTarget, payload) }, icon("pass", 16), w("scan")),
        el("a.primary", { href: url, download: `${message.message_id}.png` }, icon("get", 16), w("download")),
        el("button.primary", { type: "button", onclick: () => sheet.close() }, icon("close", 16), w("close_"))),
    );
    sheet.addEventListener("close", () => { closeMenu(); sheet.remove(); });
    sheet.addEventListener("click", (event) => { if (event.target === sheet) sheet.close(); });
    document.body.append(sheet);
    sheet.showModal();
  }

  passOnFrom(sheet, anchor, payload) {
    const box = anchor.getBoundingClientRect();
    sheet.close();
    this.passOn(this.input, payload, { x: box.left, y: box.top });
  }

  payloadIn(message) {
    for (const entity of message.caption_entities ?? []) {
      const url = entity.url ?? (message.caption ?? "").slice(entity.offset, entity.offset + entity.length);
      const payload = ["url", "text_link"].includes(entity.type) ? deepLink(url) : null;
      if (payload !== null) return payload;
    }
    return null;
  }

  // -- the phone's own menu and answers

  showMore(anchor) {
    const { blocked, language_code } = this.who;
    const english = language_code.startsWith("en");
    menu(anchor, [
      { label: w("startWith"), icon: "start", act: () => this.askPayload() },
      { label: `${w("clientLanguage")}: ${english ? "English → 中文" : "中文 → English"}`, icon: "sticker",
        act: () => call(`persons/${this.key}`, { language_code: english ? "zh-hans" : "en" }) },
      { label: w(blocked ? "unblock" : "block"), icon: "block", danger: !blocked,
        act: () => this.run(() => call(`persons/${this.key}/${blocked ? "unblock" : "block"}`)) },
    ]);
  }

  askPayload() {
    const field = el("input", { placeholder: w("payload"), "aria-label": w("payload"), autofocus: true });
    const go = (event) => {
      event.preventDefault();
      const given = field.value.trim();
      sheet.close();
      this.start(this.key, deepLink(given) ?? given);
    };
    const sheet = dialog(w("startWith"), el("form.card-form", { onsubmit: go }, field, el("button.primary", { type: "submit" }, w("start"))));
  }

  toast(text) {
    const node = el("div.toast", {}, text);
    this.toasts.append(node);
    setTimeout(() => node.classList.add("leaving"), 3600);
    setTimeout(() => node.remove(), 4000);
  }

  alert(text) {
    const close = () => { node.remove(); this.input.focus(); };
    const node = el("div.alert", { role: "alertdialog", "aria-label": text, onkeydown: (e) => { if (e.key === "Escape") close(); } },
      el("div.alert-box", {}, el("p", {}, text), el("button.primary", { type: "button", onclick: close }, w("ok"))));
    this.screen.append(node);
    node.querySelector("button").focus();
  }

  focus() {
    (this.composer.hidden ? this.gate.querySelector("button") : this.input)?.focus({ preventScroll: true });
    seen(this.key);
  }
}

export function deepLink(url) {
  try {
    const parts = new URL(/^[a-z]+:/i.test(url) ? url : `https://${url}`);
    const named = parts.protocol === "tg:" ? parts.searchParams.get("domain") : parts.pathname.replace(/\//g, "");
    const ours = parts.protocol === "tg:" || ["t.me", "telegram.me"].includes(parts.hostname);
    if (!ours || named?.toLowerCase() !== state.bot.username.toLowerCase()) return null;
    return parts.searchParams.get("start") ?? "";
  } catch {
    return null;
  }
}
