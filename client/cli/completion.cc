#include "client/cli/completion.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace tlsd::client::cli {
namespace {

// Word is something that can be typed.
struct Word {
  std::string text;
  std::string description;
};

// ValueOption is an option that takes a value.
struct ValueOption {
  std::vector<std::string> names;    // "-o", "--output"
  std::vector<std::string> choices;  // empty: anything, so files are offered
};

// Node is a command with what may follow it.
struct Node {
  std::string path;  // "tlsctl context create"
  std::vector<Word> subcommands;
  std::vector<Word> flags;  // options, each under its long name
  std::vector<ValueOption> value_options;
};

std::vector<std::string> NamesOf(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) {
    names.push_back(absl::StrCat("-", name));
  }
  for (const std::string& name : option.get_lnames()) {
    names.push_back(absl::StrCat("--", name));
  }
  return names;
}

// Validators describe a closed set as "{a,b}".
std::vector<std::string> ChoicesOf(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t begin = type.find('{');
  const size_t end = type.find('}', begin);
  if (begin == std::string::npos || end == std::string::npos) return {};
  return absl::StrSplit(type.substr(begin + 1, end - begin - 1), ',');
}

void AddOptions(const CLI::App& app, Node& node) {
  for (const CLI::Option* option : app.get_options()) {
    const std::vector<std::string> names = NamesOf(*option);
    if (names.empty()) continue;
    node.flags.push_back({names.back(), option->get_description()});
    if (option->get_type_size() > 0) {
      node.value_options.push_back({names, ChoicesOf(*option)});
    }
  }
}

// AddNodes appends the nodes of `app` and all below it. Options of the commands
// above fall through, so they are offered too.
void AddNodes(const CLI::App& app, const std::string& path, const Node& above,
              std::vector<Node>& nodes) {
  Node node;
  node.path = path;
  AddOptions(app, node);
  for (const Word& flag : above.flags) {
    if (flag.text != "--help") node.flags.push_back(flag);
  }
  node.value_options.insert(node.value_options.end(),
                            above.value_options.begin(),
                            above.value_options.end());
  const std::vector<const CLI::App*> below =
      app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* subcommand : below) {
    node.subcommands.push_back(
        {subcommand->get_name(), subcommand->get_description()});
  }
  nodes.push_back(node);
  for (const CLI::App* subcommand : below) {
    AddNodes(*subcommand, absl::StrCat(path, " ", subcommand->get_name()), node,
             nodes);
  }
}

std::vector<Node> NodesOf(const CLI::App& app) {
  std::vector<Node> nodes;
  AddNodes(app, app.get_name(), Node(), nodes);
  return nodes;
}

// The name of a shell function may have no "-".
std::string FunctionName(const CLI::App& app) {
  return absl::StrCat("_", absl::StrReplaceAll(app.get_name(), {{"-", "_"}}));
}

// PathPatterns returns the paths below the program's own: "a b"|"a b c".
std::string PathPatterns(const std::vector<Node>& nodes) {
  std::vector<std::string> patterns;
  for (size_t i = 1; i < nodes.size(); ++i) {
    patterns.push_back(absl::StrCat("\"", nodes[i].path, "\""));
  }
  return absl::StrJoin(patterns, "|");
}

std::string SingleQuoted(absl::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

// Texts joins what is to be typed; options only when one has been begun.
std::string Texts(const std::vector<Word>& words) {
  return absl::StrJoin(words, " ", [](std::string* out, const Word& word) {
    absl::StrAppend(out, word.text);
  });
}

std::string BashNode(const Node& node) {
  std::string text = absl::StrCat("    \"", node.path, "\")\n");
  absl::StrAppend(&text, "      case \"$previous\" in\n");
  for (const ValueOption& option : node.value_options) {
    absl::StrAppend(&text, "        ", absl::StrJoin(option.names, "|"),
                    ") words=\"", absl::StrJoin(option.choices, " "),
                    "\" ;;\n");
  }
  absl::StrAppend(&text, "        *) words=\"", Texts(node.subcommands),
                  "\"; flags=\"", Texts(node.flags), "\" ;;\n",
                  "      esac ;;\n");
  return text;
}

// _describe takes "word:description", and a colon in a word needs a backslash.
std::string ZshEntries(const std::vector<Word>& words) {
  return absl::StrJoin(words, " ", [](std::string* out, const Word& word) {
    absl::StrAppend(
        out, SingleQuoted(absl::StrCat(word.text, ":", word.description)));
  });
}

std::string ZshNode(const Node& node) {
  std::string text = absl::StrCat("    (\"", node.path, "\")\n");
  absl::StrAppend(&text, "      case \"$words[CURRENT-1]\" in\n");
  for (const ValueOption& option : node.value_options) {
    absl::StrAppend(
        &text, "        (", absl::StrJoin(option.names, "|"), ") ",
        option.choices.empty()
            ? "_files"
            : absl::StrCat("compadd -- ", absl::StrJoin(option.choices, " ")),
        "; return ;;\n");
  }
  absl::StrAppend(&text, "      esac\n      commands=(",
                  ZshEntries(node.subcommands), ")\n      flags=(",
                  ZshEntries(node.flags), ") ;;\n");
  return text;
}

std::string FishNode(const Node& node, const std::string& program) {
  const std::string begin =
      absl::StrCat("complete -c ", program, " -n 'test \"$(__", program,
                   "_path)\" = \"", node.path, "\"'");
  std::string text;
  for (const Word& word : node.subcommands) {
    absl::StrAppend(&text, begin, " -f -a ", word.text, " -d ",
                    SingleQuoted(word.description), "\n");
  }
  for (const Word& word : node.flags) {
    absl::StrAppend(&text, begin, " -l ", word.text.substr(2), " -d ",
                    SingleQuoted(word.description));
    for (const ValueOption& option : node.value_options) {
      if (option.names.back() != word.text) continue;
      absl::StrAppend(&text, " -r");
      if (!option.choices.empty()) {
        absl::StrAppend(&text, " -f -a ",
                        SingleQuoted(absl::StrJoin(option.choices, " ")));
      }
      break;
    }
    absl::StrAppend(&text, "\n");
  }
  return text;
}

}  // namespace

std::string BashCompletion(const CLI::App& app) {
  const std::vector<Node> nodes = NodesOf(app);
  const std::string function = FunctionName(app);
  std::string script = absl::StrCat(
      "# bash completion of ", app.get_name(), "\n", function, "() {\n",
      "  local current=\"${COMP_WORDS[COMP_CWORD]}\"\n",
      "  local previous=\"${COMP_WORDS[COMP_CWORD-1]}\"\n", "  local path=\"",
      app.get_name(), "\" words=\"\" flags=\"\" i\n",
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n",
      "    case \"$path ${COMP_WORDS[i]}\" in\n      ", PathPatterns(nodes),
      ") path=\"$path ${COMP_WORDS[i]}\" ;;\n    esac\n  done\n",
      "  case \"$path\" in\n");
  for (const Node& node : nodes) script += BashNode(node);
  absl::StrAppend(&script, "  esac\n",
                  "  if [[ $current == -* ]]; then words=\"$flags\"; fi\n",
                  "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n",
                  "}\ncomplete -o default -F ", function, " ", app.get_name(),
                  "\n");
  return script;
}

std::string ZshCompletion(const CLI::App& app) {
  const std::vector<Node> nodes = NodesOf(app);
  const std::string function = FunctionName(app);
  std::string script = absl::StrCat(
      "#compdef ", app.get_name(), "\n", function, "() {\n", "  local place=\"",
      app.get_name(), "\" word\n", "  local -a commands flags\n",
      "  for word in \"${(@)words[2,CURRENT-1]}\"; do\n",
      "    case \"$place $word\" in\n      (", PathPatterns(nodes),
      ") place=\"$place $word\" ;;\n    esac\n  done\n",
      "  case \"$place\" in\n");
  for (const Node& node : nodes) script += ZshNode(node);
  absl::StrAppend(
      &script, "  esac\n", "  if [[ $words[CURRENT] == -* ]]; then\n",
      "    _describe option flags\n",
      "  elif (( $#commands )); then\n    _describe command commands\n",
      "  else\n    _files\n  fi\n}\n",
      // Sourced, or autoloaded from $fpath as the file _NAME.
      "if [[ $funcstack[1] == ", function, " ]]; then ", function,
      " \"$@\"; else compdef ", function, " ", app.get_name(), "; fi\n");
  return script;
}

std::string FishCompletion(const CLI::App& app) {
  const std::vector<Node> nodes = NodesOf(app);
  const std::string& program = app.get_name();
  std::vector<std::string> paths;
  for (const Node& node : nodes) paths.push_back(SingleQuoted(node.path));
  std::string script = absl::StrCat(
      "# fish completion of ", program, "\nfunction __", program, "_path\n",
      "  set -l path ", program, "\n",
      "  for word in (commandline -opc)[2..]\n",
      "    if contains -- \"$path $word\" ", absl::StrJoin(paths, " "), "\n",
      "      set path \"$path $word\"\n    end\n  end\n  echo $path\nend\n");
  for (const Node& node : nodes) script += FishNode(node, program);
  return script;
}

}  // namespace tlsd::client::cli
