import llm
import pytest


def name_a_pelican(wish):
    model = llm.get_model("kimi-k2.6")
    return model.prompt(wish, system="Answer with one name.", temperature=0.2).text()


def test_the_answer_is_the_name(kimi_simulator):
    assert name_a_pelican("{{say: Percy}}") == "Percy"
    sent = kimi_simulator.requests[0]["body"]
    assert sent["messages"][0] == {"role": "system", "content": "Answer with one name."}
    assert "temperature" not in sent  # kimi-k2.6 fixes it


def test_a_busy_host_is_asked_again(kimi_simulator):
    kimi_simulator.fault(status=429, type="engine_overloaded_error", retry_after=0)
    assert name_a_pelican("{{say: Percy}}") == "Percy"
    assert [record["status"] for record in kimi_simulator.requests] == [429, 200]


def test_an_empty_account_is_an_error(kimi_simulator):
    kimi_simulator.fault(status=429, type="exceeded_current_quota_error")
    with pytest.raises(llm.ModelError, match="top it up"):
        name_a_pelican("a shy one")
