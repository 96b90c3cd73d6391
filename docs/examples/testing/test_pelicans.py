import llm
import pytest
from openai import OpenAI


def name_a_pelican(wish):
    model = llm.get_model("kimi")
    prompt = f"Name a pelican that is {wish}."
    return model.prompt(prompt, system="Answer with one name.", temperature=0.2).text()


def test_the_answer_is_the_name(kimi_simulator):
    kimi_simulator.answer("Percy")
    assert name_a_pelican("shy") == "Percy"
    sent = kimi_simulator.requests[0]["body"]
    assert sent["messages"][0] == {"role": "system", "content": "Answer with one name."}
    assert "temperature" not in sent  # Kimi fixes it


def test_a_tool_is_called(kimi_simulator):
    def weather(place: str) -> str:
        return f"rain in {place}"

    kimi_simulator.call("weather", {"place": "Paris"})
    kimi_simulator.answer("Take an umbrella")
    chain = llm.get_model("kimi").chain("Shall I go out?", tools=[weather])
    assert chain.text() == "Take an umbrella"
    assert kimi_simulator.requests[1]["body"]["messages"][-1]["content"] == "rain in Paris"


def test_a_busy_host_is_asked_again(kimi_simulator):
    kimi_simulator.fault(status=429, type="engine_overloaded_error", retry_after=0)
    kimi_simulator.answer("Percy")
    assert name_a_pelican("shy") == "Percy"
    assert [record["status"] for record in kimi_simulator.requests] == [429, 200]


def test_an_empty_account_is_an_error(kimi_simulator):
    kimi_simulator.fault(status=429, type="exceeded_current_quota_error")
    with pytest.raises(llm.ModelError, match="top it up"):
        name_a_pelican("shy")


def test_a_program_for_openai(kimi_simulator_as_openai):
    kimi_simulator_as_openai.answer("Percy")
    client = OpenAI()  # finds base URL and key in the environment
    messages = [{"role": "user", "content": "Name a pelican"}]
    answer = client.chat.completions.create(model="kimi-k3.1-pro", messages=messages)
    assert answer.choices[0].message.content == "Percy"
