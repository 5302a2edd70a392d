cask "idlewatt" do
  arch arm: "arm64", intel: "x64"

  version "{{version}}"
  sha256 arm:   "{{sha256 mac-arm64.dmg}}",
         intel: "{{sha256 mac-x64.dmg}}"

  url "{{homepage}}/releases/download/v#{version}/idlewatt-#{version}-mac-#{arch}.dmg"
  name "Idlewatt"
  desc "Sells idle GPU and CPU time as AI inference"
  homepage "{{homepage}}"

  app "Idlewatt.app"

  uninstall quit: "net.idlewatt.app"

  # The folder with the wallet, ~/Library/Application Support/Idlewatt, stays on purpose.
  zap trash: "~/Library/Application Support/Idlewatt Desktop"
end
