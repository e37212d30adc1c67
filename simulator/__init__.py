"""A local Bot API with a chat page: the real bot runs against it over HTTP; people use the page.

From the command line: `python -m simulator --port 8081 --page-port 8090 --token 1:demo --people people.json`.

In a test or a benchmark:

    async with simulator.running() as sim:                # token="1:demo", port=0, page_port=None,
                                                          # strict=False, clock=None, roster=None, operator=""
        sim.url, sim.page_url, sim.clock_url, sim.token   # for the bot: <url>/bot<token>/<method>, QIFU_CLOCK
        ming = sim.person("ming", first_name="明", phone="+8613800000001", language_code="zh-hans")

        await ming.start("payload")                       # also: open(url of a t.me link)
        await ming.text("手续费多少", reply_to=None, chat=None, thread=None, anonymous=False)
        answer = await ming.wait_for("手续费", timeout=5) # since ming's last action; or a pattern, a test
        press = await ming.press("有帮助")                # inline or reply keyboard; waits for the button
        await press.answer()                              # {"text": ..., "alert": ..., "url": ...}
        await ming.press_data("forged", message_id=7)     # data that no button carries
        await ming.share_contact()
        await ming.share_other_contact(of=li)             # or phone="+86...", first_name="..."
        await ming.send_photo(data, caption="")
        await ming.send_document("a.txt", b"...", caption="")
        await ming.send_album([png, png], caption=""); await ming.send_voice(); await ming.send_sticker()
        await ming.edit(message, "text"); await ming.delete(message); await ming.react(message, "👍")
        await ming.block(); await ming.unblock(); ming.deactivate()
        ming.messages, ming.last, ming.keyboard, ming.commands, ming.id, ming.mark
        answer.text, answer.buttons, answer.id, answer.at, answer.edited, answer.data, answer.raw

        staff = sim.group("值班群", [wang, li], kind="supergroup", forum=True, bot="administrator")
        await wang.text("收到", chat=staff, thread=topic)
        staff.upgrade(); staff.add(li); staff.add_bot("member"); staff.remove_bot(); staff.delete_topic(topic)

        sim.fault("429", method="sendMessage", chat=ming, count=1, retry_after=2)
        sim.fault("cut" | "hang" | "slow" | "500" | "502" | "refuse", ...)
        sim.outage(True); sim.clear_faults()
        sim.inject(update, times=2); sim.disturb(seed=1)  # duplicates, disorder
        sim.set_clock("2026-08-18T15:30", running=True)
        sim.calls, sim.calls_of("sendMessage"), sim.violations, sim.pending
        await sim.drained(); await sim.until(lambda: ..., timeout=5, what="...")
"""

from simulator.errors import SimError
from simulator.faults import Fault
from simulator.kit import PICTURE, Group, Person, Press, Shown, Sim, running
from simulator.world import Call

__all__ = ["PICTURE", "Call", "Fault", "Group", "Person", "Press", "Shown", "Sim", "SimError", "running"]
