# Run by demo.sh with an offline Kimi behind it.
set -eu

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() {
    say "\$ $1"
    sh -c "$1"
}
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }

say "An offline Kimi listens at $KIMI_BASE_URL.
Every answer below is made up by it, not by Moonshot AI:
no key is used and nothing leaves this machine."

say "1. A prompt. The reasoning goes to stderr, the answer streams to stdout."
show 'llm -m kimi "What is a moonshot?"'

say "2. A tool, called by the model and run by llm.
Its reasoning is sent back with the result, as Kimi demands."
show 'llm -m kimi --td --functions "def multiply(x: int, y: int) -> int:
    \"Multiply two numbers\"
    return x * y" "multiply 1234 and 4321"'

say "3. Kimi refuses most temperatures.
Here the prompt runs, and a notice says what was changed."
show 'llm -m kimi -o temperature 0.2 "Tell me a name"'

say "4. A schema, and the conversation goes on."
show 'llm -m kimi --schema "name, age int" "Invent a dog"'
show 'llm -c "Another one"'

say "5. What becomes of a request that was written for OpenAI; nothing is sent."
show "echo '{\"model\": \"kimi-k3\", \"max_tokens\": 500, \"temperature\": 0.2,
  \"messages\": [{\"role\": \"developer\", \"content\": \"Be brief.\"},
               {\"role\": \"user\", \"content\": \"Hi\"}]}' | llm kimi explain"

say "With a key of platform.kimi.ai (llm keys set kimi)
the same commands ask the real Kimi. They are in .venv/demo:
  . .venv/demo/bin/activate"
