// vouch-schema FOLDER: writes the JSON Schema of every format into the folder.
#include <fstream>
#include <iostream>
#include <string>

#include "policies/engine/schema.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: vouch-schema FOLDER\n";
    return 2;
  }
  for (const vouch::policies::SchemaFile& file : vouch::policies::EngineSchemas()) {
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
