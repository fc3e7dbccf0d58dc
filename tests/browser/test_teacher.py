"""What the teacher does around the conversation: the dashboard, the lobby, the people, the room's settings, the end."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import room_id_of
from tests.browser.lesson import PHONE, SignIn, create_room, in_class, in_room, let_in, message, show, write
from tests.support.server import ServerProcess, StartServer

pytestmark = pytest.mark.service


def test_the_dashboard_says_who_waits_without_a_reload(server: ServerProcess, sign_in: SignIn) -> None:
    host, guest = server.teacher(), server.student()
    room = host.rest.create_room("Chemistry")
    page = sign_in(host)
    card = page.get_by_role("link", name="Chemistry")
    expect(card).to_contain_text(room["join_code"])
    guest.rest.knock(room["id"]).ok(201)
    expect(card).to_contain_text("1 person waits")
    expect(page).to_have_title("(1) Rooms · chatapp")
    page.get_by_role("button", name="News, 1 unread").click()
    news = page.get_by_role("dialog", name="News")
    expect(news).to_contain_text(f"{guest.user['display_name']} asks to join Chemistry.")
    expect(news.get_by_label("Play a short sound")).not_to_be_checked()
    news.get_by_role("button", name="Mark all as read").click()
    expect(page).to_have_title("Rooms · chatapp")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="News", exact=True)).to_be_focused()
    host.rest.close(room["id"]).ok()
    expect(page.get_by_role("heading", name="Classes that have ended")).to_be_visible(timeout=15_000)
    page.get_by_role("button", name="Reopen Chemistry").click()
    expect(page.locator("#composer")).to_be_visible()


def test_a_wrong_approval_is_taken_back_from_the_toast(server: ServerProcess, sign_in: SignIn) -> None:
    host, guest = server.teacher(), server.student()
    room = host.rest.create_room("Undo")
    teacher, student = in_room(sign_in, host, room["id"]), sign_in(guest)
    student.goto(f"{server.url}/rooms/{room['id']}/")
    student.get_by_role("button", name="Ask to join").click()
    teacher.locator(".knock").get_by_role("button", name="Let in").click()
    expect(student.locator("#composer")).to_be_visible()
    teacher.get_by_role("button", name="Undo").click()
    expect(student.get_by_role("heading", name="You are no longer in this room")).to_be_visible()
    expect(student.get_by_role("button", name="Ask again")).to_be_visible()


def test_a_removal_is_taken_back_and_the_student_is_in_again_without_a_reload(
    server: ServerProcess, sign_in: SignIn
) -> None:
    teacher, student = in_class(server, sign_in)
    student.evaluate("window.here = true")
    teacher.get_by_role("button", name="People").click()
    teacher.get_by_role("button", name="Remove Student").click()
    teacher.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(student.get_by_role("heading", name="You are no longer in this room")).to_be_visible()
    teacher.locator(".toast", has_text="is out").get_by_role("button", name="Undo").click()
    expect(student.locator("#composer")).to_be_visible()
    write(student, "Thank you")
    expect(message(teacher, "Thank you")).to_be_visible()
    assert student.evaluate("window.here")


def test_a_ban_is_told_neutrally_listed_and_lifted(server: ServerProcess, sign_in: SignIn) -> None:
    teacher, student = in_class(server, sign_in)
    write(student, "Something rude")
    expect(message(teacher, "Something rude")).to_be_visible()
    row = teacher.locator("#said .message", has_text="Something rude")
    row.hover()
    row.get_by_role("button", name="Remove Student").click()
    teacher.get_by_label("They may not ask to join again").check()
    teacher.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(student.get_by_role("heading", name="You cannot join this room")).to_be_visible()
    student.reload()
    expect(student.get_by_role("heading", name="You cannot join this room")).to_be_visible()
    teacher.get_by_role("button", name="People").click()
    teacher.get_by_role("button", name="Lift the ban on Student").click()
    expect(teacher.get_by_role("heading", name="May not come back")).to_be_hidden()
    student.reload()
    expect(student.get_by_role("button", name="Ask to join")).to_be_visible()


def test_those_selected_are_let_in_together(server: ServerProcess, sign_in: SignIn) -> None:
    host = server.teacher()
    room = host.rest.create_room("Several")
    teacher = in_room(sign_in, host, room["id"])
    guests = server.students(4)
    for guest in guests:
        guest.rest.knock(room["id"]).ok(201)
    for guest in guests[1:3]:
        teacher.get_by_label(f"Select {guest.user['display_name']}", exact=True).check()
    chosen = teacher.get_by_role("group", name="Those selected")
    expect(chosen).to_contain_text("2 selected")
    chosen.get_by_role("button", name="Let in").click()
    expect(teacher.get_by_role("button", name="Lobby 2")).to_be_visible()
    assert {one["user"]["id"] for one in host.rest.participants(room["id"])} == {host.id, guests[1].id, guests[2].id}


def test_nothing_jumps_under_the_pointer(server: ServerProcess, sign_in: SignIn) -> None:
    host = server.teacher()
    room = host.rest.create_room("Calm")
    teacher = in_room(sign_in, host, room["id"])
    for guest in server.students(3):
        guest.rest.knock(room["id"]).ok(201)
    rows = teacher.locator(".knock")
    expect(rows).to_have_count(3)
    third = rows.nth(2).bounding_box()
    rows.nth(0).get_by_role("button", name="Let in").click()
    expect(teacher.get_by_role("button", name="Lobby 2")).to_be_visible()
    teacher.wait_for_timeout(1500)  # longer than a decided row stays when nobody points at the list
    assert rows.nth(2).bounding_box() == third
    teacher.mouse.move(300, 300)
    expect(rows).to_have_count(2)


def test_the_settings_reach_everybody(server: ServerProcess, sign_in: SignIn) -> None:
    teacher, student = in_class(server, sign_in)
    teacher.get_by_role("button", name="Room", exact=True).click()
    teacher.get_by_label("Title").fill("Physics, second hour")
    teacher.get_by_label("Description").fill("Bring your books")
    teacher.get_by_label("Who comes in").select_option("closed")
    teacher.get_by_label("If your connection drops").select_option("0")
    expect(teacher.get_by_text("the class ends. You can reopen it.")).to_be_visible()
    teacher.get_by_label("If your connection drops").select_option("300")
    teacher.get_by_role("button", name="Save").click()
    expect(teacher.get_by_text("Saved.")).to_be_visible()
    expect(student.get_by_role("heading", name="Physics, second hour")).to_be_visible()
    student.get_by_role("button", name="Room", exact=True).click()
    expect(student.get_by_text("Bring your books")).to_be_visible()
    expect(student.get_by_text("What is said is kept")).to_be_hidden()
    teacher.get_by_label("What is said is kept for").select_option("30 days")
    teacher.get_by_role("button", name="Save").click()
    expect(student.get_by_text("What is said is kept for 30 days.")).to_be_visible()
    teacher.get_by_label("What is said is kept for").select_option("as long as there is this school")
    teacher.get_by_role("button", name="Save").click()
    expect(student.get_by_text("What is said is kept")).to_be_hidden()
    code = teacher.locator("#code").text_content()
    teacher.get_by_role("button", name="New code").click()
    expect(teacher.locator("#code")).not_to_have_text(str(code))


def test_a_school_that_lets_go_of_old_messages_says_so_in_each_room(start_server: StartServer, sign_in: SignIn) -> None:
    server = start_server(RETENTION_MESSAGE_DAYS="90")
    host, guest = server.teacher(), server.student()
    room_id = str(host.rest.create_room("Kept")["id"])
    host.rest.update_room(room_id, retention_days=3).ok()
    let_in(host, room_id, guest)
    teacher, student = in_room(sign_in, host, room_id), in_room(sign_in, guest, room_id)
    for page in (teacher, student):
        show(page, "Room")
    expect(student.get_by_text("What is said is kept for 3 days.")).to_be_visible()
    kept = teacher.get_by_label("What is said is kept for")
    expect(kept).to_have_value("3")
    assert kept.locator("option").all_inner_texts() == [
        "90 days, as everywhere in the school",
        "7 days",
        "30 days",
        "3 days",
    ]
    kept.select_option("90 days, as everywhere in the school")
    teacher.get_by_role("button", name="Save").click()
    expect(student.get_by_text("What is said is kept for 90 days.")).to_be_visible()


def test_the_projector_shows_the_code_and_gives_the_focus_back(server: ServerProcess, sign_in: SignIn) -> None:
    teacher = sign_in(server.teacher())
    create_room(teacher, "Projector")
    opener = teacher.get_by_role("button", name="Show to the class")
    opener.click()
    large = teacher.get_by_role("dialog", name="Projector")
    expect(large.locator(".code")).to_have_text(teacher.locator("#code").inner_text())
    assert large.get_by_role("img").evaluate("image => image.decode().then(() => image.naturalWidth > 0)")
    large.get_by_role("button", name="Close").click()
    expect(opener).to_be_focused()


def test_a_teacher_who_is_cut_off_is_told_what_happens(server: ServerProcess, sign_in: SignIn) -> None:
    teacher = sign_in(server.teacher())
    create_room(teacher, "Cut off")
    teacher.context.set_offline(True)
    teacher.evaluate("window.dispatchEvent(new Event('offline'))")
    expect(teacher.get_by_text("Your class goes on without you. It ends in 0:5")).to_be_visible()
    teacher.context.set_offline(False)
    expect(teacher.locator("#connection")).to_be_hidden(timeout=30_000)


def test_the_summary_counts_and_only_for_the_host(server: ServerProcess, sign_in: SignIn) -> None:
    host, guest = server.teacher(), server.student()
    room = host.rest.create_room("Counted")
    let_in(host, room["id"], guest)
    teacher, student = in_room(sign_in, host, room["id"]), in_room(sign_in, guest, room["id"], **PHONE)
    write(student, "one", by_button=True)
    teacher.get_by_role("button", name="End class").click()
    teacher.get_by_role("dialog").get_by_role("button", name="End class").click()
    expect(teacher.locator(".figure").filter(has_text="People")).to_contain_text("2")
    expect(teacher.locator(".figure").filter(has_text="Messages")).to_contain_text("1")
    student.goto(f"{server.url}/rooms/{room_id_of(teacher)}/summary/")
    expect(student.get_by_role("heading", name="That did not work")).to_be_visible()
