// A chat's messages as bubbles: formatted text, media, albums, cards, quotes, buttons.

import { el, icon } from "./dom.js";
import { dayKey, dayName, hourMinute, size, w } from "./words.js";

const STYLE = {
  bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code", pre: "pre",
  spoiler: "span", blockquote: "blockquote", expandable_blockquote: "blockquote",
  text_link: "a", url: "a", email: "a", phone_number: "a", mention: "span", bot_command: "button", hashtag: "span",
  cashtag: "span", text_mention: "span", custom_emoji: "span",
};

// Text with Telegram's entities (offsets in UTF-16 units, as JavaScript counts) as nodes.
export function richText(text, entities, acts) {
  const root = document.createDocumentFragment();
  const open = [{ node: root, end: text.length }];
  // A block ends its line by itself: the line break behind it is not drawn again.
  const close = () => {
    const { block } = open.pop();
    if (block && text[at] === "\n") at += 1;
  };
  let at = 0;
  const writeTo = (stop) => {
    while (at < stop) {
      const top = open[open.length - 1];
      const end = Math.min(stop, top.end);
      if (end > at) top.node.append(text.slice(at, end));
      at = Math.max(at, end);
      if (at >= top.end && open.length > 1) close();
    }
    while (open.length > 1 && at >= open[open.length - 1].end) close();
  };
  for (const entity of [...(entities ?? [])].sort((a, b) => a.offset - b.offset || b.length - a.length)) {
    writeTo(entity.offset);
    const parent = open[open.length - 1];
    const end = Math.min(entity.offset + entity.length, parent.end);
    const piece = text.slice(entity.offset, end);
    const [outer, inner] = styled(entity, piece, acts);
    parent.node.append(outer);
    open.push({ node: inner, end, block: BLOCKS.has(entity.type) });
  }
  writeTo(text.length);
  return root;
}

const BLOCKS = new Set(["pre", "blockquote", "expandable_blockquote"]);

function styled(entity, piece, acts) {
  const node = document.createElement(STYLE[entity.type] ?? "span");
  switch (entity.type) {
    case "text_link":
    case "url":
      return link(node, entity.url ?? piece, acts);
    case "email":
      node.href = `mailto:${piece}`;
      return [node, node];
    case "phone_number":
      node.href = `tel:${piece.replace(/\s/g, "")}`;
      return [node, node];
    case "bot_command":
      node.type = "button";
      node.className = "command";
      node.addEventListener("click", () => acts.command(piece));
      return [node, node];
    case "mention":
    case "hashtag":
      node.className = "tag";
      return [node, node];
    case "spoiler":
      node.className = "spoiler";
      node.tabIndex = 0;
      node.setAttribute("role", "button");
      for (const kind of ["click", "keydown"]) {
        node.addEventListener(kind, (event) => { if (event.type === "click" || event.key === "Enter") node.classList.add("shown"); });
      }
      return [node, node];
    case "code":
      node.title = w("copy");
      node.addEventListener("click", () => navigator.clipboard?.writeText(piece));
      return [node, node];
    case "pre": {
      const inner = el("code");
      if (entity.language) node.append(el("span.language", {}, entity.language));
      node.append(inner);
      return [node, inner];
    }
    case "expandable_blockquote":
      return foldable(node);
    default:
      return [node, node];
  }
}

function link(node, url, acts) {
  const address = /^[a-z]+:/i.test(url) ? url : `https://${url}`;
  node.href = address;
  node.target = "_blank";
  node.rel = "noopener noreferrer";
  const payload = acts.deepLink(address);
  if (payload === null) return [node, node];
  node.addEventListener("click", (event) => { event.preventDefault(); acts.start(payload); });
  const pass = el(
    "button.pass",
    { type: "button", title: w("openOn"), "aria-label": w("openOn"), onclick: (event) => acts.passOn(event.currentTarget, payload) },
    icon("pass", 14),
  );
  return [el("span.deep", {}, node, pass), node];
}

function foldable(node) {
  node.className = "foldable";
  const inner = el("div.folded");
  const more = el("button.fold", { type: "button", "aria-expanded": "false" }, w("showMore"));
  more.addEventListener("click", () => {
    const open = node.classList.toggle("open");
    more.textContent = w(open ? "showLess" : "showMore");
    more.setAttribute("aria-expanded", String(open));
  });
  node.append(inner, more);
  return [node, inner];
}

const fileUrl = (fileId) => `/sim/files/${encodeURIComponent(fileId)}`;

function photo(message, acts) {
  const shot = message.photo[message.photo.length - 1];
  const image = el("img", {
    src: fileUrl(shot.file_id), alt: message.caption || w("photo"), loading: "lazy", width: shot.width, height: shot.height,
  });
  image.addEventListener("load", acts.settled, { once: true });
  return el("button.photo", { type: "button", "aria-label": message.caption || w("photo"), onclick: () => acts.showPhoto(message) }, image);
}

function document_(message) {
  const doc = message.document ?? message.audio ?? message.video;
  const name = doc.file_name || w("document");
  const kind = (name.includes(".") ? name.split(".").pop() : "").slice(0, 4).toUpperCase();
  return el(
    "a.document",
    { href: fileUrl(doc.file_id), download: name, "aria-label": `${w("download")} ${name}` },
    el("span.file-kind", {}, kind || icon("file", 20)),
    el("span.file-words", {}, el("span.file-name", {}, name), el("span.file-size", {}, size(doc.file_size), icon("get", 13))),
  );
}

function voice(message) {
  const bars = el("span.bars", { "aria-hidden": "true" });
  for (let i = 0; i < 24; i += 1) {
    const bar = el("i");
    bar.style.height = `${20 + Math.abs(Math.sin(i * 1.7 + message.message_id)) * 80}%`;
    bars.append(bar);
  }
  return el("span.voice", {}, el("span.round", {}, icon("play", 16)), bars, el("span.long", {}, `0:${String(message.voice.duration).padStart(2, "0")}`));
}

function contact(message) {
  const { contact: card } = message;
  const name = [card.first_name, card.last_name].filter(Boolean).join(" ");
  const own = card.user_id === message.from.id;
  return el(
    "span.card",
    {},
    el("span.card-face", {}, icon("me", 22)),
    el(
      "span.card-words",
      {},
      el("strong", {}, name),
      el("span.card-phone", {}, card.phone_number),
      el(`span.card-mark${own ? ".own" : ""}`, {}, w(own ? "ownNumber" : "otherNumber")),
    ),
  );
}

function serviceWords(message) {
  if (message.pinned_message) return `${message.sender_name} ${w("pinnedIt")}`;
  if (message.forum_topic_created) return w("topicMade", message.forum_topic_created);
  if (message.forum_topic_edited) return w("topicRenamed", message.forum_topic_edited);
  if (message.forum_topic_closed) return w("topicClosed");
  if (message.forum_topic_reopened) return w("topicReopened");
  if (message.new_chat_members) return w("joined", { name: message.new_chat_members.map((one) => one.first_name).join("、") });
  if (message.left_chat_member) return w("left", { name: message.left_chat_member.first_name });
  if (message.migrate_to_chat_id || message.migrate_from_chat_id) return w("migrated");
  return w("service");
}

// Messages that are drawn as one: an album, else a single one.
export function groups(messages) {
  const found = [];
  for (const message of messages) {
    const last = found[found.length - 1];
    if (message.media_group_id && last?.[0].media_group_id === message.media_group_id) last.push(message);
    else found.push([message]);
  }
  return found;
}

export const version = (group) => group.map((message) => `${message.message_id}.${message.seq}`).join("-");

export function separator(ms) {
  return el("div.day", {}, el("span", {}, dayName(ms)));
}

export const dayOf = (message) => dayKey(message.date * 1000);

// One bubble. facts: {mine, named, joined, owner}; acts: what its buttons and links do.
export function bubble(group, facts, acts) {
  const [first] = group;
  if (first.service) return el("div.service", { "data-id": first.message_id }, el("span", {}, serviceWords(first)));
  const sides = `${facts.mine ? ".mine" : ".theirs"}${facts.joined ? ".joined" : ""}`;
  const row = el(`div.row${sides}`, { "data-id": group[group.length - 1].message_id, tabIndex: -1 });
  const body = el(`div.bubble${first.sticker ? ".bare" : ""}`);
  if (facts.named) body.append(el("div.who", {}, first.sender_name));
  if (first.forward_origin) body.append(el("div.forwarded", {}, `↪ ${first.forward_origin.sender_user?.first_name ?? ""}`));
  if (first.reply) body.append(quote(first.reply, acts));
  content(body, group, acts);
  const captioned = group.find((message) => message.text || message.caption);
  if (captioned) {
    const words = captioned.text ?? captioned.caption;
    body.append(el("div.text", {}, richText(words, captioned.entities ?? captioned.caption_entities, acts), foot(group, facts)));
  } else {
    body.append(foot(group, facts));
  }
  const reactions = group.flatMap((message) => message.reactions ?? []);
  if (reactions.length) body.append(el("div.reactions", {}, reactions.map((emoji) => el("span", {}, emoji))));
  const more = el(
    "button.bubble-more",
    { type: "button", tabIndex: -1, "aria-label": w("more"), onclick: (event) => acts.more(group, event.currentTarget) },
    icon("down", 16),
  );
  row.append(el("div.stack", {}, el("div.bubble-line", {}, body, more), inlineKeys(first, acts)));
  row.addEventListener("dblclick", (event) => { if (!event.target.closest("button, a")) acts.reply(first); });
  row.addEventListener("contextmenu", (event) => { event.preventDefault(); acts.more(group, row, { x: event.clientX, y: event.clientY }); });
  return row;
}

function quote(reply, acts) {
  return el(
    "button.quote",
    { type: "button", onclick: () => acts.jump(reply.message_id) },
    el("strong", {}, reply.name),
    el("span", {}, reply.text || w("service")),
  );
}

function content(body, group, acts) {
  const [first] = group;
  const photos = group.filter((message) => message.photo);
  if (photos.length) {
    body.classList.add("media");
    body.append(el(`div.photos.count-${Math.min(photos.length, 4)}`, {}, photos.map((message) => photo(message, acts))));
  }
  for (const message of group) if (message.document || message.audio || message.video) body.append(document_(message));
  if (first.voice) body.append(voice(first));
  if (first.sticker) body.append(el("span.sticker", { role: "img", "aria-label": w("sticker") }, first.sticker.emoji ?? "👍"));
  if (first.contact) body.append(contact(first));
  if (first.location) {
    const { latitude, longitude } = first.location;
    body.append(el("span.map", {}, icon("place", 22), el("span", {}, `${latitude.toFixed(4)}, ${longitude.toFixed(4)}`)));
  }
}

function foot(group, { mine }) {
  const last = group[group.length - 1];
  const foot_ = el("span.foot");
  if (group.some((message) => message.edit_date)) foot_.append(el("span", {}, w("edited")));
  foot_.append(el("time", {}, hourMinute(last.date * 1000)));
  if (mine) {
    const got = group.every((message) => message.read);
    foot_.append(el("span.ticks", { title: w(got ? "got" : "sent"), "aria-label": w(got ? "got" : "sent"), role: "img" }, icon(got ? "ticks" : "tick", 15)));
  }
  return foot_;
}

function inlineKeys(message, acts) {
  const rows = message.reply_markup?.inline_keyboard;
  if (!rows?.length) return null;
  const draw = (key, row, column) =>
    el(
      `button.inline-key${key.url ? ".opens" : ""}`,
      { type: "button", onclick: (event) => acts.press(message, row, column, key, event.currentTarget) },
      el("span", {}, key.text),
    );
  return el("div.inline-keys", {}, rows.map((keys, row) => el("div.inline-row", {}, keys.map((key, column) => draw(key, row, column)))));
}
