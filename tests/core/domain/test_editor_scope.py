"""Tags say where a prompt is offered in editors, and a wrong one is said in words."""

import pytest

from codetune_core.domain.editor_scope import EditorScope, Shows, Where, editor_scope, scope_tags


@pytest.mark.parametrize(
    ("tags", "scope"),
    [
        ((), None),
        (("starter", "installed:1f"), None),
        (("editor:none", "shows:replace"), None),
        (("editor:file",), EditorScope(Where.FILE, Shows.DOCUMENT)),
        (("a", "shows:insert", "editor:cursor"), EditorScope(Where.CURSOR, Shows.INSERT)),
        (("editor:selection", "editor:selection"), EditorScope(Where.SELECTION)),
    ],
)
def test_two_tags_say_where_a_prompt_is_offered_and_what_becomes_of_its_answer(tags, scope):
    assert editor_scope(tags) == scope


@pytest.mark.parametrize(
    ("tags", "says"),
    [
        (("editor:selektion",), "there are selection, cursor, file, none"),
        (("editor:file", "shows:diff"), "there are document, replace, insert"),
        (("editor:",), "editor: is no tag"),
        (("editor:file", "editor:cursor"), "two tags"),
        (("shows:insert",), "add editor:selection"),
    ],
)
def test_a_tag_that_editors_cannot_follow_is_refused_in_words(tags, says):
    with pytest.raises(ValueError, match=says):
        editor_scope(tags)


def test_only_tags_with_a_value_are_about_editors():
    assert scope_tags(("editor", "starter", "shows:document", "editor:file")) == ("shows:document", "editor:file")
