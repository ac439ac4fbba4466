"""How people name their columns: for each role the names that are known, the surest first.

Names are compared without case, and with every other sign as "_": `Final Answer` is `final_answer`. Chinese ones count
as the English ones that they mean: `问题` is `question`.
"""

import re
from collections.abc import Iterable

MESSAGES = ("messages", "conversations", "conversation", "dialog", "dialogue", "chat", "turns")

PROMPT = (
    "prompt", "question", "instruction", "problem", "input", "query", "user_prompt", "user", "question_text",
    "problem_text", "word_problem", "utterance", "request", "sentence", "text", "body", "content", "article",
    "document", "passage", "review", "source_text", "source",
)  # fmt: skip

SYSTEM = ("system", "system_prompt", "system_message")

CONTEXT_BEFORE = ("body", "context", "passage", "document", "article", "background")
CONTEXT_AFTER = ("input", "instructions", "options", "choices")

COMPLETION = (
    "completion", "response", "output", "answer_cot", "chain_of_thought", "cot", "rationale", "solution",
    "worked_solution", "canonical_solution", "demonstration", "assistant", "reply", "code", "summary", "highlights",
    "translation", "target_text", "answer",
)  # fmt: skip
"""A worked answer that a model could learn to write."""

LABEL = (
    "label_text",
    "label_name",
    "sql",
    "query",
    "category",
    "intent",
    "class",
    "sentiment",
    "label",
    "labels",
    "target",
)
"""Answers that are taken as the completion where no better column is there."""

REFERENCE = (
    "reference", "reference_answer", "ground_truth", "final_answer", "gold", "golden", "golds", "gold_answer",
    "gold_label", "expected", "expected_answer", "expected_output", "correct_answer", "answer_value", "answer",
    "correct", "fields",
)  # fmt: skip
"""What an answer is compared with."""

PAIRS = (
    ("chosen", "rejected"), ("preferred_output", "non_preferred_output"), ("preferred", "rejected"),
    ("chosen_response", "rejected_response"), ("response_chosen", "response_rejected"), ("preferred", "dispreferred"),
    ("winner", "loser"),
)  # fmt: skip

DESIRABLE = ("label", "desirable", "is_desirable", "thumbs_up", "liked", "upvote", "feedback")

TOOLS = ("tools", "functions")

TWO_ANSWERS = (
    ("output_1", "output_2"), ("response1", "response2"), ("response_1", "response_2"), ("answer_1", "answer_2"),
    ("response_a", "response_b"), ("output_a", "output_b"), ("answer_a", "answer_b"), ("completion_a", "completion_b"),
    ("response_0", "response_1"),
)  # fmt: skip

VERDICT = re.compile(r"label|winner|preference|preferred|choice|verdict|better_response_id|annotator_?\d+")

METADATA = re.compile(
    r"(.*_)?(id|idx|index|uuid|source|split|date|url)|parallel_tool_calls|metadata|meta|tools|functions"
)
"""Columns that say where a row comes from; they are never taken for an answer."""


CHINESE = {
    "提示": "prompt", "提示词": "prompt", "问题": "question", "题目": "question", "提问": "question",
    "指令": "instruction",
    "输入": "input", "查询": "query", "用户": "user", "应用题": "word_problem", "请求": "request", "句子": "sentence",
    "文本": "text", "正文": "body", "内容": "content", "文章": "article", "文档": "document", "段落": "passage",
    "评论": "review", "原文": "source_text", "系统": "system", "系统提示": "system_prompt",
    "系统提示词": "system_prompt",
    "上下文": "context", "背景": "background", "选项": "options", "对话": "conversation", "消息": "messages",
    "回答": "response", "输出": "output", "回复": "reply", "思维链": "chain_of_thought", "推理过程": "rationale",
    "解析": "rationale", "解答": "solution", "解题过程": "worked_solution", "解法": "solution", "示范": "demonstration",
    "代码": "code", "摘要": "summary", "译文": "translation", "翻译": "translation", "答案": "answer",
    "标签": "label", "类别": "category", "分类": "category", "意图": "intent", "情感": "sentiment", "目标": "target",
    "参考": "reference", "参考答案": "reference_answer", "标准答案": "gold_answer", "正确答案": "correct_answer",
    "最终答案": "final_answer", "期望输出": "expected_output", "期望答案": "expected_answer",
    "优选": "chosen", "优选回答": "chosen", "较好回答": "chosen", "更好的回答": "chosen",
    "落选": "rejected", "落选回答": "rejected", "较差回答": "rejected", "更差的回答": "rejected",
    "点赞": "thumbs_up", "反馈": "feedback", "工具": "tools",
    "编号": "id", "序号": "index", "来源": "source", "日期": "date", "链接": "url",
}  # fmt: skip
"""Chinese name → the English one that it counts as."""


def normalised(name: str) -> str:
    """`Final Answer` → `final_answer`; `标准答案` → `gold_answer`."""
    plain = re.sub(r"\W+", "_", name.strip().casefold()).strip("_")
    return CHINESE.get(plain, plain)


def find(known: Iterable[str], columns: Iterable[str]) -> str | None:
    """The column that has the first of the known names."""
    by_name = {normalised(column): column for column in columns}
    return next((by_name[name] for name in known if name in by_name), None)


def find_pair(known: Iterable[tuple[str, str]], columns: Iterable[str]) -> tuple[str, str] | None:
    """The two columns that have the first of the known pairs of names."""
    by_name = {normalised(column): column for column in columns}
    return next(((by_name[a], by_name[b]) for a, b in known if a in by_name and b in by_name), None)
