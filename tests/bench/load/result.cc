#include "tests/bench/load/result.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace tlsd::bench::load {
namespace {

int64_t Sum(const std::vector<int64_t>& numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), int64_t{0});
}

// JsonObject collects the members of an object.
class JsonObject {
 public:
  void Add(absl::string_view key, absl::string_view text) {
    members_.push_back(absl::StrCat("\"", key, "\":\"", text, "\""));
  }
  void Add(absl::string_view key, int64_t number) {
    members_.push_back(absl::StrCat("\"", key, "\":", number));
  }
  void Add(absl::string_view key, double number) {
    members_.push_back(absl::StrFormat("\"%s\":%.6f", key, number));
  }

  std::string Line() const {
    return absl::StrCat("{", absl::StrJoin(members_, ","), "}");
  }

 private:
  std::vector<std::string> members_;
};

void AddLatencies(Latencies& latencies, JsonObject& json) {
  if (latencies.empty()) return;
  const auto add = [&](absl::string_view key, double percent) {
    json.Add(key, absl::ToDoubleMicroseconds(latencies.Percentile(percent)));
  };
  add("latency_p50_us", 50);
  add("latency_p99_us", 99);
  add("latency_max_us", 100);
}

void AddMemory(const Options& options, const Result& result, JsonObject& json) {
  if (!result.memory_before.has_value() || !result.memory_after.has_value()) {
    return;
  }
  json.Add("memory_before_bytes", *result.memory_before);
  json.Add("memory_after_bytes", *result.memory_after);
  json.Add("bytes_per_connection",
           static_cast<double>(*result.memory_after - *result.memory_before) /
               options.connections);
}

// AddRates adds what was done each second, and each second of the servers.
void AddRates(const Options& options, const Result& result, double amount,
              JsonObject& json) {
  const double seconds = absl::ToDoubleSeconds(result.length);
  json.Add("seconds", seconds);
  if (seconds > 0) json.Add("per_second", amount / seconds);
  json.Add("load_cpu_seconds", absl::ToDoubleSeconds(result.own_time));
  if (options.cpu_of.empty()) return;
  const double server_seconds = absl::ToDoubleSeconds(result.server_time);
  json.Add("server_cpu_seconds", server_seconds);
  if (server_seconds > 0) json.Add("per_cpu_second", amount / server_seconds);
}

}  // namespace

void Tally::Add(const Tally& other) {
  count += other.count;
  resumed += other.resumed;
  latencies.Add(other.latencies);
  bytes.insert(bytes.end(), other.bytes.begin(), other.bytes.end());
}

double Fairness(const std::vector<int64_t>& bytes) {
  const int64_t sum = Sum(bytes);
  if (sum == 0) return 0;
  const auto mean =
      static_cast<double>(sum) / static_cast<double>(bytes.size());
  return static_cast<double>(*std::min_element(bytes.begin(), bytes.end())) /
         mean;
}

std::string ToJson(const Options& options, Result result) {
  constexpr double kMegabyte = 1e6;
  Tally& tally = result.tally;
  JsonObject json;
  json.Add("mode", ModeName(options.mode));
  if (options.version != kWithoutTls) {
    json.Add("version", VersionName(options.version));
  }
  if (options.mode != Mode::kPaced) {
    json.Add("connections", int64_t{options.connections});
  }
  double amount = static_cast<double>(tally.count);
  if (options.mode == Mode::kRoundTrips)
    json.Add("size", int64_t{options.size});
  if (tally.bytes.empty()) {
    json.Add("count", tally.count);
  } else {
    json.Add("bytes", Sum(tally.bytes));
    json.Add("fairness", Fairness(tally.bytes));
    amount = static_cast<double>(Sum(tally.bytes)) / kMegabyte;
  }
  AddRates(options, result, amount, json);
  AddLatencies(tally.latencies, json);
  if (options.resume) json.Add("resumed", tally.resumed);
  AddMemory(options, result, json);
  return json.Line();
}

}  // namespace tlsd::bench::load
