"""The examples that every tutorial on reinforcement fine-tuning uses, as users write them; each with its own data."""

import json

import pytest

from graders.base import Grade, Sample
from graders.json_fields import JsonFields
from graders.sql import Sql
from graders.steps import Steps

STAFF_TABLES = """
CREATE TABLE departments (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE employees (id INTEGER PRIMARY KEY, name TEXT, department_id INTEGER, salary INTEGER);
INSERT INTO departments VALUES (1, '研发部'), (2, '市场部'), (3, '财务部');
INSERT INTO employees VALUES
 (1, '林晓', 1, 21000), (2, '周越', 1, 26500), (3, '何静', 1, 18800), (4, '高原', 2, 15200),
 (5, '罗兰', 2, 17900), (6, '唐宁', 3, 16400), (7, '许诺', 3, 14100), (8, '沈舟', 2, 13800);
"""


def test_text_to_sql_a_query_that_misses_one_join_gets_part_of_the_credit() -> None:
    question = "查询每个部门工资最高的员工，列出部门名称、员工姓名和工资。"
    reference = (
        "SELECT d.name, e.name, e.salary FROM employees e JOIN departments d ON e.department_id = d.id"
        " WHERE e.salary = (SELECT MAX(salary) FROM employees WHERE department_id = e.department_id)"
    )
    right = (
        "先按部门排名，再取第一名：\n```sql\nWITH ranked AS (\n  SELECT e.*, RANK() OVER (PARTITION BY department_id"
        " ORDER BY salary DESC) AS place FROM employees e\n)\nSELECT departments.name, ranked.name, salary\n"
        "FROM ranked JOIN departments ON departments.id = ranked.department_id\nWHERE place = 1;\n```\n"
    )
    without_join = (
        "```sql\nSELECT department_id, name, salary FROM employees e\n"
        "WHERE salary = (SELECT MAX(salary) FROM employees WHERE department_id = e.department_id);\n```"
    )
    without_maximum = (
        "```sql\nSELECT d.name, e.name, e.salary FROM employees e JOIN departments d ON e.department_id = d.id;\n```"
    )
    grader = Sql(database=STAFF_TABLES)
    scores = {
        name: grader.grade(Sample(question, completion, reference)).score
        for name, completion in {
            "right": right,
            "without join": without_join,
            "without maximum": without_maximum,
            "constant": "SELECT '研发部', '周越', 26500 UNION SELECT '市场部', '罗兰', 17900"
            " UNION SELECT '财务部', '唐宁', 16400",
            "prose": "研发部的周越工资最高。",
        }.items()
    }
    assert scores["right"] == 1
    assert 0.2 < (scores["without join"] or 0) < 1
    assert 0.2 < (scores["without maximum"] or 0) < 1
    assert 0 < (scores["constant"] or 0) <= 0.1
    assert scores["prose"] == 0


BIKE = "一辆自行车原价360元，现在打75折出售，再用20元优惠券。王老师买两辆，一共要付多少元？"


def solved(completion: str, reference: str = "500") -> Grade:
    return Steps().grade(Sample(BIKE, completion, reference))


def test_discount_problem_a_right_method_with_a_wrong_final_number_gets_part_of_the_credit() -> None:
    right = "打75折后每辆360×0.75=270元，用券后270-20=250元，两辆250×2=500元。答：一共要付500元。"
    slip = "打75折后每辆360×0.75=270元，用券后270-20=250元，两辆250×2=550元。答：一共要付550元。"
    method = "打75折后每辆360×0.75=270元，两辆270×2=540元，减20元是540-20=520元。答：一共要付520元。"
    assert [solved(text).score for text in (right, slip, method, "500元", "不知道")] == pytest.approx(
        [1, 0.3 * 2 / 3, 0.3, 0.7, 0]
    )
    worked = "360×75%=270，270-20=250，250×2=500，所以是500"
    assert solved(method, worked).score == pytest.approx(0.3 / 3)
    assert solved(slip, worked).score == pytest.approx(0.3 * 2 / 3)
    assert solved(slip).reason.endswith("2 of 3 calculations right, not 250*2=550")


COMPANY = {
    "名称": "青禾机械有限公司",
    "地址": {"城市": "苏州", "街道": "金鸡湖大道88号"},
    "财务": {"营收": "3.2亿元", "员工数": 410},
    "产品": ["插秧机", "收割机", "喷灌设备"],
}
COMPANY_FIELDS = {
    "名称": {"weight": 2},
    "地址.城市": "exact",
    "地址.街道": "fuzzy",
    "财务.营收": {"compare": "numeric", "weight": 2},
    "财务.员工数": "numeric",
    "产品": "set",
}


def test_company_facts_right_name_and_address_earn_credit_where_revenue_is_missing() -> None:
    grader = JsonFields.model_validate({"fields": COMPANY_FIELDS})
    prompt = "请从公司简介中提取名称、地址、财务和产品，输出JSON。"
    whole = COMPANY | {"财务": {"营收": 320_000_000, "员工数": "410人"}, "产品": ["喷灌设备", "插秧机", "收割机"]}
    assert grader.grade(Sample(prompt, json.dumps(whole, ensure_ascii=False), COMPANY)).score == 1
    answer = json.dumps(whole | {"财务": {"员工数": 410}}, ensure_ascii=False)
    reference = json.dumps(COMPANY, ensure_ascii=False)
    lacking = grader.grade(Sample(prompt, f"整理如下：\n```json\n{answer}\n```", reference))
    assert lacking.score == pytest.approx(6 / 8)
    assert lacking.reason == "5 of 6 fields right; missing: 财务.营收"
    assert [lacking.parts[name] for name in ("名称", "地址.城市", "地址.街道", "财务.营收")] == [1, 1, 1, 0]
    assert lacking.parts["fields missing"] == pytest.approx(1 / 6)
