"""Texts that try to leave their place in a prompt: chat templates' tokens, roles, fences, what hides."""

import re

from hypothesis import strategies as st

from codetune_core.domain.fence import MARK

BAR, COLON = "\uff5c", "\uff1a"
TOKENS = [
    *(
        f"<|{name}|>"
        for name in ("im_start", "im_end", "endoftext", "eot_id", "start_header_id", "system", "assistant")
    ),
    *(f"<|{name}|>" for name in ("begin_of_text", "fim_prefix", "channel", "START_OF_TURN_TOKEN")),
    *(f"<{BAR}{name}{BAR}>" for name in ("begin▁of▁sentence", "end▁of▁sentence", "User", "Assistant")),
    *("<s>", "</s>", "<bos>", "<eos>", "<unk>", "<pad>", "<start_of_turn>", "<end_of_turn>", "<<SYS>>", "<</SYS>>"),
    *("<fim_prefix>", "<fim-suffix>", "<fim_middle>", "<PRE>", "<SUF>", "<MID>", "<EOT>", "<file_sep>", "<repo_name>"),
    *("<think>", "</think>", "<thinking>", "</thinking>", "<tool_call>", "<tool_response>", "<|", "<extra_id_0>"),
    *("<unused7>", "<reserved_106>", "[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CALLS]"),
    *("[AVAILABLE_TOOLS]", "[gMASK]"),
]
TURNS = [
    *("SYSTEM:", "USER:", "ASSISTANT:", "System:", "User:", "Assistant:", "Human:", "human:", "AI:", "Bot:"),
    *("### Instruction:", "### Response:", "### Input:", "## System", "# USER", "**Assistant:**", "> SYSTEM:"),
    *("  ASSISTANT :", "- user:", f"SYSTEM{COLON}", "### Human", "Instruction:"),
]
_FENCES = ["```", "````", "~~~", "`", "`" * 40, "\n```\n", "\r```\r", "\n~~~~\n", "\n    ```\n", "\n````\n"]
_ENDS = ["\r\n", "\r", "\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"]
_HIDDEN = ["\x00", "\x1b[2J", "\u202e", "\u2066", "\u200f", "\ufeff", "\ud800", "\udfff", "\ud83d\ude00", "\U000e0041"]
_MARKS = [MARK, MARK * 2, MARK + "\\u202e", "\\u202e", "\\U000e0041", "\x00Fcode\x00", "\x00Vx\x00"]
_TEMPLATES = ["{{", "}}", "{% raw %}", "{% endraw %}", "{%", "%}", "{#", "{{ code }}"]
_MARKUP = ["<!--", "-->", "<pre>", "</pre>", "<div>", "<script>", "<![CDATA[", "- ", "> ", "1. ", "===", "[x]: y"]
_SCRAPS = [
    "😀",
    "é",
    "\u0301",
    "\t",
    "    ",
    " ",
    "\\",
    "&lt;",
    "x = 1",
    "<",
    "|",
    ">",
    "[",
    "INST",
    "]",
    "#",
    ":",
    "SYS",
    "TEM:",
]
HOSTILE = [*TOKENS, *TURNS, *_FENCES, *_ENDS, *_HIDDEN, *_MARKS, *_TEMPLATES, *_MARKUP, *_SCRAPS]
hostile_texts = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(), max_size=4)), max_size=12).map(
    "".join
)

TOKEN = re.compile("|".join(re.escape(token) for token in TOKENS))
TURN = re.compile(
    rf"(?im)^\W*(system|user|assistant|human|ai|bot|instruction)[ *]*[:{COLON}]"
    r"|^[ >]*#+ *(system|user|human|input|response)\b *:?$"
)
