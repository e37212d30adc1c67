// The page's own words in two languages. People's names and roles come from the roster as they are.

const ZH = {
  brand: "期服", demo: "演示台", people: "人员", day: "今天", unread: "{n} 条未读", phoneOf: "{name}的手机",
  write: "输入消息", send: "发送", attach: "附件", commands: "命令", keyboard: "快捷键盘", more: "更多",
  bot: "机器人", typing: "正在输入", group: "群 · {n} 人", topicAll: "全部话题", topics: "话题",
  photo: "照片", file: "文件", ownCard: "分享本人号码", otherCard: "他人名片", voice: "语音", sticker: "贴纸",
  place: "位置", sample: "示例图片", start: "开始", blocked: "已屏蔽机器人", unblock: "解除屏蔽", block: "屏蔽机器人",
  startWith: "带参数开始…", payload: "参数或 t.me 链接", cancel: "取消", ok: "好", reply: "回复", copy: "复制文字",
  edit: "编辑", remove: "删除", react: "表态", edited: "已编辑", ownNumber: "本人号码",
  otherNumber: "他人名片", contact: "名片", download: "下载", openOn: "在谁的手机上打开", here: "本机", noAnswer: "机器人没有应答这次点击",
  clock: "业务时间", set: "设定", setClock: "设定业务时间", quarter: "+15 分", hour: "+1 时", dayOn: "+1 天",
  beforeDay: "08:30", beforeDayHint: "下一个日盘前", close: "15:30", closeHint: "下一个收盘后", beforeNight: "20:00", beforeNightHint: "下一个夜盘前",
  settlement: "下一结算日", restart: "重启机器人", slow: "限流 429", outage: "断网", outageOn: "恢复网络", calls: "调用记录",
  slowDone: "下一次发送将被限流 5 秒", outageNow: "断网中：机器人的每个连接都被切断", faultsGone: "故障已全部清除",
  noOperator: "演示主管进程未启动", lost: "与本地服务器断开，正在重连…", back: "已重新连接",
  method: "方法", chat: "会话", time: "时间", status: "状态", failedOnly: "只看失败", faults: "故障", lay: "布置", clear: "全部清除",
  kind: "种类", any: "任意", count: "次数", seconds: "秒", noCalls: "机器人还没有调用",
  cut: "办了但切断", hang: "挂起", slowKind: "变慢", 
  language: "English", theme: "切换深浅色", close_: "关闭", pinned: "置顶消息", replyTo: "回复 {name}",
  editing: "编辑消息", jump: "到最新", empty: "还没有消息", intro: "点“开始”与机器人对话", cardOf: "发送谁的名片", name: "姓名", phone: "手机号",
  clientLanguage: "手机语言", sendFailed: "没有发出：{why}", showMore: "展开", showLess: "收起",
  pinnedIt: "置顶了一条消息", topicMade: "新建话题“{name}”", topicRenamed: "话题改名为“{name}”", topicClosed: "话题已关闭",
  topicReopened: "话题已重新打开", joined: "{name} 加入群组", left: "{name} 离开群组", migrated: "群组已升级为超级群", service: "系统消息",
  violations: "超速 {n} 次", dropHere: "松开即发送", 
  document: "文件", sent: "已发送", got: "机器人已收到", scan: "用谁的手机扫码或打开链接",
};

const EN = {
  brand: "Qifu", demo: "Demo", people: "People", day: "Today", unread: "{n} unread", phoneOf: "{name}'s phone",
  write: "Message", send: "Send", attach: "Attach", commands: "Commands", keyboard: "Keyboard", more: "More",
  bot: "bot", typing: "typing", group: "group · {n} people", topicAll: "All topics", topics: "Topics",
  photo: "Photo", file: "File", ownCard: "Share own number", otherCard: "Somebody's contact", voice: "Voice", sticker: "Sticker",
  place: "Location", sample: "Sample picture", start: "Start", blocked: "Bot blocked", unblock: "Unblock", block: "Block the bot",
  startWith: "Start with payload…", payload: "Payload or t.me link", cancel: "Cancel", ok: "OK", reply: "Reply", copy: "Copy text",
  edit: "Edit", remove: "Delete", react: "React", edited: "edited", ownNumber: "own number",
  otherNumber: "another person's card", contact: "Contact", download: "Download", openOn: "Open on whose phone", here: "This phone",
  noAnswer: "The bot did not answer this press",
  clock: "Business time", set: "Set", setClock: "Set the business time", quarter: "+15 m", hour: "+1 h", dayOn: "+1 day",
  beforeDay: "08:30", beforeDayHint: "next morning before the day session", close: "15:30", closeHint: "next close", beforeNight: "20:00",
  beforeNightHint: "next evening before the night session",
  settlement: "Next settlement", restart: "Restart bot", slow: "Limit 429", outage: "Outage", outageOn: "Reconnect", calls: "Call log",
  slowDone: "The next send will be told to wait 5 s", outageNow: "Outage: every connection of the bot is cut", faultsGone: "All faults are cleared",
  noOperator: "The demo's supervisor is not running", lost: "Lost the local server, reconnecting…", back: "Connected again",
  method: "Method", chat: "Chat", time: "Time", status: "Status", failedOnly: "Failures only", faults: "Faults", lay: "Lay", clear: "Clear all",
  kind: "Kind", any: "any", count: "Times", seconds: "Seconds", noCalls: "The bot has not called yet",
  cut: "done, then cut", hang: "hang", slowKind: "slow", 
  language: "中文", theme: "Light or dark", close_: "Close", pinned: "Pinned message", replyTo: "Reply to {name}",
  editing: "Edit message", jump: "To the newest", empty: "No messages yet", intro: "Press Start to talk to the bot", cardOf: "Whose contact",
  name: "Name", phone: "Phone", clientLanguage: "Phone language", sendFailed: "Not sent: {why}",
  showMore: "Show more", showLess: "Show less",
  pinnedIt: "pinned a message", topicMade: "topic “{name}” created", topicRenamed: "topic renamed to “{name}”", topicClosed: "topic closed",
  topicReopened: "topic reopened", joined: "{name} joined", left: "{name} left", migrated: "the group was upgraded", service: "service message",
  violations: "too fast {n}×", dropHere: "Drop to send", 
  document: "File", sent: "sent", got: "received by the bot", scan: "Scan or open the link on whose phone",
};

export let language = localStorage.getItem("language") === "en" ? "en" : "zh";

export function w(key, facts = {}) {
  const text = (language === "en" ? EN : ZH)[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => facts[name] ?? "");
}

// Roles and answers that come in both languages ("客户 Client", "已重启 / restarted"): the reader's half.
export function own(text = "") {
  const [zh, en] = text.includes(" / ") ? text.split(" / ") : (/^(.*[\u4e00-\u9fff]\S*)\s+([A-Za-z][\w &'-]*)$/.exec(text) ?? [text, text, text]).slice(1);
  return (language === "en" ? en : zh) ?? text;
}

export function switchLanguage() {
  language = language === "en" ? "zh" : "en";
  localStorage.setItem("language", language);
  document.documentElement.lang = language === "en" ? "en" : "zh-CN";
  document.title = `${w("brand")} · ${w("demo")}`;
}

const ZONE = "Asia/Shanghai";
const formats = new Map();

function format(kind, options) {
  const key = `${language}${kind}`;
  if (!formats.has(key)) {
    formats.set(key, new Intl.DateTimeFormat(language === "en" ? "en-GB" : "zh-CN", { timeZone: ZONE, ...options }));
  }
  return formats.get(key);
}

export const hourMinute = (ms) => format("hm", { hour: "2-digit", minute: "2-digit", hour12: false }).format(ms);
export const fullTime = (ms) => format("hms", { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false }).format(ms);
export const dayKey = (ms) => format("key", { year: "numeric", month: "2-digit", day: "2-digit" }).format(ms);

export function dayName(ms, withYear = false) {
  const weekday = format("wd", { weekday: "short" }).format(ms);
  if (language === "en") {
    return `${weekday} ${format("d", { day: "numeric", month: "short", ...(withYear ? { year: "numeric" } : {}) }).format(ms)}`;
  }
  const date = format(withYear ? "dy" : "d", { month: "long", day: "numeric", ...(withYear ? { year: "numeric" } : {}) }).format(ms);
  return `${date}（${weekday}）`;
}

export function size(bytes) {
  if (!bytes) return "";
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
