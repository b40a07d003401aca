// vouch-schema FOLDER: writes the JSON Schema of every format into the folder.
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "policies/engine/cases/case_file.h"
#include "policies/engine/schema.h"
#include "server/node/node_file.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: vouch-schema FOLDER\n";
    return 2;
  }
  std::vector<vouch::policies::SchemaFile> files = vouch::policies::EngineSchemas();
  files.push_back(vouch::policies::cases::CasesSchema());
  files.push_back({"node.schema.json", vouch::server::node::NodeFileSchema()});
  for (const vouch::policies::SchemaFile& file : files) {
    const std::string path = std::string(argv[1]) + "/" + file.name;
    std::ofstream out(path, std::ios::binary);
    out << vouch::policies::SchemaText(file.schema);
    out.close();
    if (!out) {
      std::cerr << "cannot write " << path << "\n";
      return 1;
    }
  }
  return 0;
}
