"""The examples that every tutorial on reinforcement fine-tuning uses, as users write them; each with its own data."""

from graders.base import Sample
from graders.sql import Sql

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
