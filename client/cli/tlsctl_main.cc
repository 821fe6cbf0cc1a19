// The process around `RunTlsctl`.
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "client/cli/tlsctl.h"

namespace {

using tlsd::client::cli::ColourMode;

ColourMode ColourOf(int descriptor) {
  return isatty(descriptor) ? ColourMode::kOn : ColourMode::kOff;
}

}  // namespace

int main(int argc, char** argv) {
  // A reader of stdout that left is an error of write().
  std::signal(SIGPIPE, SIG_IGN);
  const tlsd::client::cli::Terminal terminal = {
      std::cout,
      std::cerr,
      STDIN_FILENO,
      STDOUT_FILENO,
      ColourOf(STDOUT_FILENO),
      ColourOf(STDERR_FILENO),
  };
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return static_cast<int>(tlsd::client::cli::RunTlsctl(arguments, terminal));
}
