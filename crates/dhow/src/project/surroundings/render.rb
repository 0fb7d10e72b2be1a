# Evaluates the template that the one argument names, as Kamal does, and answers with JSON: what became of it and of the
# environment, or what it raised and in which line. What the template itself prints goes to standard error.
lambda do
  answer = $stdout.dup
  $stdout.reopen($stderr)
  path = ARGV.shift
  begin
    # Where Kamal is installed a template may use what it brings along; else what of it is part of Ruby.
    begin
      require "kamal"
    rescue LoadError
      %w[yaml date time pathname securerandom tempfile uri digest shellwords open3 base64].each do |library|
        require library
      rescue LoadError
      end
    end
    template = ERB.new(File.read(path, encoding: Encoding::UTF_8), trim_mode: "-")
    text = template.result
    said = { text: text, environment: ENV.to_h.select { |_, value| value.valid_encoding? } }
  rescue Exception => error
    # A template in the template goes by the same name: the outermost is the one that was asked for.
    place = error.backtrace_locations&.reverse_each&.find { |location| location.path == "(erb)" }
    line = place ? place.lineno : error.message[/\A\(erb\):(\d+)/, 1]&.to_i
    said = { class: error.class.name, message: error.message.scrub, line: line }
  end
  answer.write JSON.generate(said)
end.call
